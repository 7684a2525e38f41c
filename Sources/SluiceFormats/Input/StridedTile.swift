/// A dimension of a box of elements.
struct StridedAxis {
  let extent: Int
  /// The distance of neighbours in the file, in elements.
  let source: Int
  /// Their distance in the tensor, in elements.
  let target: Int
}

/// A place in a box that is gone through axis by axis, the last one fastest.
struct StridedPlace {
  private let axes: [StridedAxis]
  private var indices: [Int]
  /// How far the place is from the first, in the file.
  private(set) var source = 0
  /// How far it is from the first in the tensor.
  private(set) var target = 0

  init(_ axes: [StridedAxis]) {
    self.axes = axes
    indices = Array(repeating: 0, count: axes.count)
  }

  /// Goes on to the next place; false when all have been.
  mutating func advance() -> Bool {
    for position in axes.indices.reversed() {
      let axis = axes[position]
      indices[position] += 1
      source += axis.source
      target += axis.target
      if indices[position] < axis.extent { return true }
      indices[position] = 0
      source -= axis.extent * axis.source
      target -= axis.extent * axis.target
    }
    return false
  }
}

/// Some lines of a file side by side in a scratch buffer.
struct StridedTile {
  let width: Int
  let lines: Int
  /// The bytes from one line to the next.
  let pitch: Int
  /// How many elements of each line count.
  let elements: Int
  /// The bytes from one of them to the next.
  let distance: Int

  /// The most lines of a tile: as many as make two cache lines of the tensor.
  static func mostLines(width: Int) -> Int { max(128 / width, 1) }

  /// The bytes from one line of a tile to the next: an odd number of cache lines, so that elements
  /// across lines do not meet in one set of the cache.
  static func pitch(_ byteCount: Int, lineCount: Int) -> Int {
    guard lineCount > 1 else { return byteCount }
    let cacheLines = byteCount / lineCount / 64
    return (cacheLines - (cacheLines % 2 == 0 ? 1 : 0)) * 64
  }

  /// Copies the tile into a tensor.
  ///
  /// - Parameters:
  ///   - scratch: The lines.
  ///   - target: Where the first element goes.
  ///   - lineDistance: The bytes from an element to its neighbour in the next line.
  ///   - elementDistance: The bytes from an element to the next of its line.
  func copy(
    _ scratch: UnsafeMutableRawBufferPointer, to target: UnsafeMutableRawPointer,
    lineDistance: Int, elementDistance: Int
  ) {
    guard let source = scratch.baseAddress else { return }
    if lines == 1, distance == width, elementDistance == width {
      // Safety: so many elements are in the scratch buffer, and as many belong to the target.
      unsafe target.copyMemory(from: source, byteCount: elements * width)
      return
    }
    switch width {
    case 2: unsafe copy(UInt16.self, source, target, lineDistance, elementDistance)
    case 4: unsafe copy(UInt32.self, source, target, lineDistance, elementDistance)
    case 8: unsafe copy(UInt64.self, source, target, lineDistance, elementDistance)
    default: unsafe copy(UInt8.self, source, target, lineDistance, elementDistance)
    }
  }

  private func copy<Element: BitwiseCopyable>(
    _ type: Element.Type, _ source: UnsafeMutableRawPointer, _ target: UnsafeMutableRawPointer,
    _ lineDistance: Int, _ elementDistance: Int
  ) {
    for index in 0..<elements {
      // Safety: as above; neither side is aligned.
      var from = unsafe UnsafeRawPointer(source + index * distance)
      var to = unsafe target + index * elementDistance
      for _ in 0..<lines {
        unsafe to.storeBytes(of: from.loadUnaligned(as: type), as: type)
        unsafe from += pitch
        unsafe to += lineDistance
      }
    }
  }
}
