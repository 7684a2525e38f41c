/// A row of a tile: as many numbers as the tile has elements, in memory of the lane.
@safe package struct StepRow {
  /// The first number.
  @unsafe let pointer: UnsafeMutablePointer<Float>

  init(_ pointer: UnsafeMutablePointer<Float>) { unsafe self.pointer = unsafe pointer }

  /// The row from a later element on.
  func dropFirst(_ count: Int) -> StepRow { unsafe StepRow(pointer + count) }
}
