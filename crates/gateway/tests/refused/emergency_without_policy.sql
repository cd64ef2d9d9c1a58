-- refused in protected: 42501: nobody breaks the glass where policy has none
CALL privet.decrypt(subject => 'customer:1', emergency => 'somebody empties their account right now');
