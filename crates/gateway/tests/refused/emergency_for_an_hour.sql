-- refused in protected: 22023: an emergency is shorter than other grants
CALL privet.decrypt(subject => 'customer:1', minutes => 60, emergency => 'somebody empties their account right now');
