/// The containers of a JSON text that are open where it is written.
struct JSONNesting: Sendable {
  /// Two bits for each, those of the innermost lowest: whether it is an object, and whether it is on one line.
  private var kinds: UInt64 = 0
  /// How many there are.
  private(set) var depth = 0

  private static let mostDepth = UInt64.bitWidth / 2

  /// Whether the innermost is an object.
  var isObject: Bool { kinds & 1 != 0 }
  /// Whether the innermost is on one line.
  var isOnOneLine: Bool { kinds & 2 != 0 }

  /// Opens a container inside of the innermost.
  mutating func open(isObject: Bool, isOnOneLine: Bool) {
    precondition(depth < JSONNesting.mostDepth, "containers nested too deeply")
    kinds = kinds << 2 | (isOnOneLine ? 2 : 0) | (isObject ? 1 : 0)
    depth += 1
  }

  /// Closes the innermost.
  mutating func close() {
    kinds >>= 2
    depth -= 1
  }
}
