//! First and last names from many places, paired without regard to place, so that a pair is nobody.
//! Each is one word whose letters have a base letter in ASCII, which mail addresses use.

/// First names.
#[rustfmt::skip]
pub(super) const FIRST: &[&str] = &[
    "Aaliyah", "Abebe", "Adaeze", "Adriana", "Agnieszka", "Ahmad", "Aino", "Akira", "Alejandro",
    "Alessia", "Amadou", "Amara", "Amina", "Amit", "Ana", "Anahí", "Anders", "Andrei", "Ángela",
    "Anh", "Aoife", "Arjun", "Astrid", "Ayşe", "Babajide", "Beatriz", "Bilal", "Birgit",
    "Bogdan", "Camille", "Carlos", "Carmen", "Chiara", "Chidi", "Chloé", "Ciarán", "Clara",
    "Cristina", "Dalia", "Daniela", "Dariusz", "Deepa", "Dmitri", "Dorota", "Eero", "Ekaterina",
    "Elif", "Elias", "Emeka", "Emília", "Enrique", "Esra", "Esther", "Eszter", "Fatima",
    "Fatou", "Fernando", "Fiona", "François", "Freya", "Gabriela", "Georgi", "Giulia",
    "Gonçalo", "Greta", "Gustavo", "Hamid", "Hana", "Haruto", "Hassan", "Helena", "Hinata",
    "Hugo", "Ibrahim", "Ida", "Ines", "Ingrid", "Ioana", "Irina", "Isabela", "Iván", "Jamila",
    "Jan", "Jasmin", "Jelena", "Jin", "João", "Joaquín", "Johanna", "Jorge", "Jürgen", "Kamala",
    "Karim", "Katarzyna", "Kenji", "Kofi", "Kwame", "Lakshmi", "Lars", "Latisha", "Leila",
    "Leticia", "Lin", "Linnea", "Lucía", "Luka", "Magnus", "Mahmoud", "Maja", "Makoto",
    "Malika", "Manuela", "Marek", "Mariam", "Marta", "Mateo", "Mei", "Mette", "Miguel", "Mihai",
    "Milan", "Mina", "Minh", "Mirela", "Moana", "Mohan", "Nadia", "Naoko", "Nia", "Nikolai",
    "Nils", "Noor", "Océane", "Olga", "Olumide", "Paolo", "Pavel", "Petra", "Pilar", "Priya",
    "Rafael", "Rania", "Raúl", "Renata", "Rohan", "Rosa", "Ruth", "Sakura", "Samira", "Sanjay",
    "Sigrid", "Sione", "Sofia", "Stefan", "Sunita", "Svetlana", "Tadeo", "Tariq", "Tatiana",
    "Thabo", "Thandiwe", "Tomás", "Tui", "Uma", "Valentina", "Vikram", "Wanjiru", "Xenia",
    "Yara", "Yasmin", "Yuki", "Zainab", "Zoltán", "Zuri",
];

/// Last names.
#[rustfmt::skip]
pub(super) const LAST: &[&str] = &[
    "Abara", "Abdi", "Acheampong", "Achterberg", "Adeyemi", "Aguilar", "Ahlström", "Akbar",
    "Almeida", "Altun", "Amrani", "Anand", "Andersen", "Antonescu", "Arslan", "Asante",
    "Bakker", "Balogun", "Banerjee", "Baptista", "Barbosa", "Bauer", "Bednarek", "Bekele",
    "Bergmann", "Bianchi", "Björklund", "Bouchard", "Brâncuș", "Castellanos", "Castro", "Çelik",
    "Chandra", "Chikwanha", "Cisneros", "Cissé", "Colombo", "Contreras", "Costa", "Dąbek",
    "Dahl", "Darwish", "Delacroix", "Demir", "Diallo", "Dimitrov", "Domínguez", "Dubois",
    "Dvorák", "Ekström", "Engström", "Eriksen", "Esposito", "Farah", "Farkas", "Fernando",
    "Ferreira", "Fischer", "Fofana", "Fontaine", "Fujita", "Gallo", "García", "Gebre",
    "Ghorbani", "Girard", "Gomes", "Grigorescu", "Guerrero", "Gupta", "Haddad", "Hakimi",
    "Halvorsen", "Hansen", "Hashimoto", "Hernández", "Hoang", "Hofmann", "Horvat", "Hosseini",
    "Huber", "Ibarra", "Ito", "Ivanova", "Iyer", "Jankovic", "Jansen", "Jensen", "Jiménez",
    "Joshi", "Kahale", "Kamau", "Kaplan", "Karlsen", "Kaya", "Keita", "Keller", "Khalil",
    "Khatri", "Kimura", "Kiplagat", "Koch", "Kone", "Korhonen", "Kovács", "Kowalczyk", "Kruger",
    "Kumar", "Lahtinen", "Laurent", "Lefèvre", "Leroy", "Lindqvist", "Lombardi", "Lopes",
    "Mahlangu", "Malik", "Mancuso", "Mansour", "Marchetti", "Marković", "Mbeki", "Medina",
    "Mehta", "Mensah", "Mishra", "Moreau", "Moreno", "Mori", "Müller", "Mutasa", "Nakamura",
    "Navarro", "Ndiaye", "Németh", "Nguyen", "Nkosi", "Novák", "Nowicki", "Nuñez", "Obi",
    "Okafor", "Okonkwo", "Oliveira", "O'Neill", "O'Sullivan", "Ortiz", "Osman", "Otieno",
    "Owusu", "Özdemir", "Papadakis", "Patel", "Pereira", "Petrov", "Pham", "Popescu", "Quispe",
    "Rahman", "Ramírez", "Reyes", "Ricci", "Rojas", "Rossi", "Roux", "Saito", "Salazar",
    "Santos", "Sato", "Schneider", "Sharma", "Silva", "Sokolov", "Suzuki", "Szabo", "Takahashi",
    "Tamm", "Tanaka", "Taufa", "Tesfaye", "Toivonen", "Torres", "Traoré", "Tran", "Ueda",
    "Vargas", "Vasquez", "Virtanen", "Vogel", "Wagner", "Wambui", "Watanabe", "Weber",
    "Yamamoto", "Zhang", "Zieliński", "Zulu",
];
