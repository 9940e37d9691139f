# Gives copies, moves and destructors a word, which need none in the headers.
s|^( *)(([A-Za-z]+)\(\3&&)|\1/** Moves. */ \2|
s|^( *)(([A-Za-z]+)\(const \3&)|\1/** Copies. */ \2|
s|^( *)([A-Za-z]+& operator=\([A-Za-z]+&&)|\1/** Moves. */ \2|
s|^( *)([A-Za-z]+& operator=\(const [A-Za-z]+&)|\1/** Copies. */ \2|
