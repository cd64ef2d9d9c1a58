-- refused in unjustified: 42501: an emergency is no reason
CALL privet.decrypt(subject => 'customer:1', emergency => 'somebody empties their account right now');
