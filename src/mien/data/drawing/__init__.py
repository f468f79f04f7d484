"""Drawing of synthetic faces: expressions, traits of persons and shots, and the shapes painted for them."""
