-- refused in unjustified: 22023: that is no link
CALL privet.justify('customer cannot log in', 'javascript:alert(1)');
