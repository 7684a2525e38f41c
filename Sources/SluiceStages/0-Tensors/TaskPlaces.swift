/// The positions of tensors in a list, by the ordinals of their tasks: of a list that may have ten thousands.
package struct TaskPlaces: Sendable, Hashable {
  private let first: Int
  /// From the first ordinal on; -1 of one that is not in the list.
  private let positions: [Int32]
  /// How many are in the list.
  package let count: Int

  /// Notes positions.
  ///
  /// - Parameter ordinals: The ordinals in the order of the list.
  package init(_ ordinals: [Int]) {
    let first = ordinals.min() ?? 0
    var positions = [Int32](
      repeating: -1, count: (ordinals.max() ?? first - 1) - first + 1)
    for (position, ordinal) in ordinals.enumerated() {
      positions[ordinal - first] = Int32(position)
    }
    (self.first, self.positions, count) = (first, positions, ordinals.count)
  }

  /// The position of a tensor; nil if it is not in the list.
  package subscript(ordinal: Int) -> Int? {
    let index = ordinal - first
    guard positions.indices.contains(index), positions[index] >= 0 else { return nil }
    return Int(positions[index])
  }
}
