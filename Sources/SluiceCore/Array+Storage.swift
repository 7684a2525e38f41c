extension Array {
  /// Whether two arrays are the very same elements in memory, so that there is nothing to compare.
  ///
  /// - Parameter other: The other array.
  /// - Returns: False where one may still be equal to the other.
  package func hasStorage(of other: [Element]) -> Bool {
    guard count == other.count else { return false }
    // Safety: the addresses are compared, and nothing is read.
    return unsafe withUnsafeBufferPointer { own in
      unsafe other.withUnsafeBufferPointer { unsafe own.baseAddress == $0.baseAddress }
    }
  }
}
