internal import SluiceCore

/// Reads elements of a strided view into the order of the tensor, in bounded memory.
///
/// A run of elements is cut into boxes, each a range in one dimension and everything in those
/// inside it. A box is read line by line in the order of the file: a line is what lies along the
/// dimension of the smallest stride. Nothing is kept from one line to the next but a scratch buffer,
/// and the file is read with pread, never mapped, so that the cost in memory is known.
struct StridedReader {
  /// The size of the scratch buffer.
  static let scratchByteCount = 1 << 16
  /// The distance of neighbours from which on reading what lies between them is a waste.
  private static let widestGap = 512

  private let file: InputFile
  private let view: StridedView
  /// Where the first element of the view is.
  private let start: Int
  private let width: Int
  /// How many elements one step in each dimension spans in the order of the tensor.
  private let steps: [Int]

  init(_ file: InputFile, _ view: StridedView, start: Int, width: Int) {
    self.file = file
    self.view = view
    self.start = start
    self.width = width
    var steps = [Int](repeating: 1, count: view.extents.count)
    for index in steps.indices.dropLast().reversed() {
      steps[index] = steps[index + 1] * view.extents[index + 1]
    }
    self.steps = steps
  }

  /// Reads a run of elements.
  ///
  /// - Parameters:
  ///   - elements: Their positions in the tensor, not beyond its end.
  ///   - target: Where they go, one behind the other; as long as they are.
  /// - Throws: If a read fails.
  func read(
    _ elements: Range<Int>, into target: UnsafeMutableRawBufferPointer
  ) throws(FormatError) {
    precondition(target.count == elements.count * width)
    guard let base = target.baseAddress else { return }
    let scratch = UnsafeMutableRawBufferPointer.allocate(
      byteCount: StridedReader.scratchByteCount, alignment: 64)
    // Safety: freed once, after the last use.
    defer { unsafe scratch.deallocate() }
    var position = elements.lowerBound
    while position < elements.upperBound {
      // The largest box that starts here: whole rows of the outermost dimension that fits.
      var dimension = steps.count - 1
      while dimension > 0, position % steps[dimension - 1] == 0,
        elements.upperBound - position >= steps[dimension - 1]
      { dimension -= 1 }
      let step = steps[dimension]
      let index = position / step % view.extents[dimension]
      let count = min(
        view.extents[dimension] - index, (elements.upperBound - position) / step)
      // Safety: the box holds `count * step` elements, all inside the target.
      try unsafe readBox(
        at: sourceOffset(of: position), dimension, count: count,
        into: base + (position - elements.lowerBound) * width, scratch)
      position += count * step
    }
  }

  /// The place of an element, in elements from the view's first.
  private func sourceOffset(of element: Int) -> Int {
    var rest = element
    var offset = 0
    for (step, stride) in zip(steps, view.strides) {
      offset += rest / step * stride
      rest %= step
    }
    return offset
  }

  /// A dimension of a box.
  private struct Axis {
    let extent: Int
    /// The distance of neighbours in the file, in elements.
    let source: Int
    /// Their distance in the tensor, in elements.
    let target: Int
  }

  private func readBox(
    at offset: Int, _ dimension: Int, count: Int, into target: UnsafeMutableRawPointer,
    _ scratch: UnsafeMutableRawBufferPointer
  ) throws(FormatError) {
    var axes = (dimension..<steps.count).map { index in
      Axis(
        extent: index == dimension ? count : view.extents[index], source: view.strides[index],
        target: steps[index])
    }
    // Repeated elements are read once and written as often as they occur.
    let repeats = axes.filter { $0.source == 0 }
    axes.removeAll { $0.source == 0 }
    axes.sort { $0.source > $1.source }
    let line = axes.popLast() ?? Axis(extent: 1, source: 1, target: 1)
    var indices = [Int](repeating: 0, count: axes.count)
    repeat {
      var (source, place) = (offset, 0)
      for (axis, index) in zip(axes, indices) {
        source += index * axis.source
        place += index * axis.target
      }
      // Safety: `place` counts elements inside the box, the caller's pointer is to its first.
      try unsafe readLine(at: source, line, repeats, into: target + place * width, scratch)
    } while StridedReader.advance(&indices, over: axes)
  }

  private func readLine(
    at offset: Int, _ line: Axis, _ repeats: [Axis], into target: UnsafeMutableRawPointer,
    _ scratch: UnsafeMutableRawBufferPointer
  ) throws(FormatError) {
    let distance = line.source * width
    let isWide = distance > StridedReader.widestGap
    let most = isWide ? 1 : (scratch.count - width) / distance + 1
    var first = 0
    while first < line.extent {
      let count = min(most, line.extent - first)
      // Safety: `most` is how many elements with what lies between them fit the scratch buffer.
      let bytes = unsafe UnsafeMutableRawBufferPointer(
        rebasing: scratch[0..<((count - 1) * distance + width)])
      try unsafe file.read(into: bytes, at: start + (offset + first * line.source) * width)
      var indices = [Int](repeating: 0, count: repeats.count)
      repeat {
        let place = zip(repeats, indices).reduce(first * line.target) { $0 + $1.0.target * $1.1 }
        unsafe scatter(
          bytes, distance, count: count, into: target + place * width, line.target * width)
      } while StridedReader.advance(&indices, over: repeats)
      first += count
    }
  }

  /// Copies elements at one distance to places at another.
  private func scatter(
    _ bytes: UnsafeMutableRawBufferPointer, _ distance: Int, count: Int,
    into target: UnsafeMutableRawPointer, _ targetDistance: Int
  ) {
    guard let source = bytes.baseAddress else { return }
    switch width {
    case _ where distance == width && targetDistance == width:
      // Safety: `count` elements are in the scratch buffer, and as many belong to the target.
      unsafe target.copyMemory(from: source, byteCount: count * width)
    case 2: unsafe copy(UInt16.self, source, distance, count, target, targetDistance)
    case 4: unsafe copy(UInt32.self, source, distance, count, target, targetDistance)
    case 8: unsafe copy(UInt64.self, source, distance, count, target, targetDistance)
    default: unsafe copy(UInt8.self, source, distance, count, target, targetDistance)
    }
  }

  private func copy<Element: BitwiseCopyable>(
    _ type: Element.Type, _ source: UnsafeMutableRawPointer, _ distance: Int, _ count: Int,
    _ target: UnsafeMutableRawPointer, _ targetDistance: Int
  ) {
    for index in 0..<count {
      // Safety: as above; neither side is aligned.
      let element = unsafe source.loadUnaligned(fromByteOffset: index * distance, as: type)
      unsafe target.storeBytes(of: element, toByteOffset: index * targetDistance, as: type)
    }
  }

  /// Counts on, the last index fastest; false when all have been.
  private static func advance(_ indices: inout [Int], over axes: [Axis]) -> Bool {
    for position in indices.indices.reversed() {
      indices[position] += 1
      if indices[position] < axes[position].extent { return true }
      indices[position] = 0
    }
    return false
  }
}

extension InputFile {
  /// The bytes that reading a strided view takes beside its target.
  public static let stridedScratchByteCount = StridedReader.scratchByteCount

  /// Reads elements of a strided view, in the order of the tensor.
  ///
  /// - Parameters:
  ///   - elements: Their positions in the tensor, not beyond its end.
  ///   - view: How the elements lie.
  ///   - start: Where in the file the view's first element is.
  ///   - width: The bytes of an element.
  ///   - buffer: Where they go, one behind the other; exactly as long as they are.
  /// - Throws: If a read fails or the file ends too early.
  public func read(
    _ elements: Range<Int>, of view: StridedView, at start: Int, width: Int,
    into buffer: UnsafeMutableRawBufferPointer
  ) throws(FormatError) {
    try unsafe StridedReader(self, view, start: start, width: width).read(elements, into: buffer)
  }
}
