//! Merkle log arithmetic, signed notes, checkpoints and tiles.
