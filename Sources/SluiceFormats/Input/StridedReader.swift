internal import SluiceCore

/// Reads elements of a strided view into the order of the tensor, in bounded memory.
///
/// A run of elements is cut into boxes, each a range in one dimension and everything in those
/// inside it. A box is read line by line: a line is what lies along the dimension of the smallest
/// stride in the file. Lines that are neighbours in the tensor are read together, as a tile, and
/// copied across, so that both sides are touched in whole cache lines. Nothing is kept from one
/// tile to the next but a scratch buffer, and the file is read with pread, never mapped, so that the
/// cost in memory is known.
struct StridedReader {
  /// The size of the scratch buffer.
  static let scratchByteCount = 1 << 18
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
  ///   - target: Where they go, one after the other; as long as they are.
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

  private func readBox(
    at offset: Int, _ dimension: Int, count: Int, into target: UnsafeMutableRawPointer,
    _ scratch: UnsafeMutableRawBufferPointer
  ) throws(FormatError) {
    var axes = (dimension..<steps.count).map { index in
      StridedAxis(
        extent: index == dimension ? count : view.extents[index], source: view.strides[index],
        target: steps[index])
    }
    // Repeated elements are read once and written as often as they occur.
    let repeats = axes.filter { $0.source == 0 }
    axes.removeAll { $0.source == 0 }
    axes.sort { $0.source > $1.source }
    let line = axes.popLast() ?? StridedAxis(extent: 1, source: 1, target: 1)
    // Lines that are neighbours in the tensor.
    let neighbours =
      axes.firstIndex { $0.target == 1 }.map { axes.remove(at: $0) }
      ?? StridedAxis(extent: 1, source: 0, target: 0)
    var place = StridedPlace(axes)
    repeat {
      // Safety: the place counts elements inside the box, the caller's pointer is to its first.
      try unsafe readLines(
        at: offset + place.source, line, neighbours, repeats,
        into: target + place.target * width, scratch)
    } while place.advance()
  }

  /// Reads all neighbours of a line, tile by tile.
  private func readLines(
    at offset: Int, _ line: StridedAxis, _ neighbours: StridedAxis, _ repeats: [StridedAxis],
    into target: UnsafeMutableRawPointer, _ scratch: UnsafeMutableRawBufferPointer
  ) throws(FormatError) {
    let distance = line.source * width
    let lineCount = min(StridedTile.mostLines(width: width), neighbours.extent)
    let pitch = StridedTile.pitch(scratch.count, lineCount: lineCount)
    let length =
      distance > StridedReader.widestGap ? 1 : min((pitch - width) / distance + 1, line.extent)
    for first in stride(from: 0, to: line.extent, by: length) {
      let count = min(length, line.extent - first)
      for neighbour in stride(from: 0, to: neighbours.extent, by: lineCount) {
        let tile = StridedTile(
          width: width, lines: min(lineCount, neighbours.extent - neighbour), pitch: pitch,
          elements: count, distance: distance)
        let source = offset + first * line.source + neighbour * neighbours.source
        for index in 0..<tile.lines {
          // Safety: a line with what lies between its elements is not longer than the pitch.
          let bytes = unsafe UnsafeMutableRawBufferPointer(
            rebasing: scratch[index * pitch..<index * pitch + (count - 1) * distance + width])
          let position = source + index * neighbours.source
          try unsafe file.read(into: bytes, at: start + position * width)
        }
        var place = StridedPlace(repeats)
        repeat {
          let element =
            first * line.target + neighbour * neighbours.target + place.target
          // Safety: the tile was filled above, and all its elements are inside the box.
          unsafe tile.copy(
            scratch, to: target + element * width, lineDistance: neighbours.target * width,
            elementDistance: line.target * width)
        } while place.advance()
      }
    }
  }
}

extension InputFile {
  /// The bytes that reading a strided view takes beside its target.
  package static let stridedScratchByteCount = StridedReader.scratchByteCount

  /// Reads elements of a strided view, in the order of the tensor.
  ///
  /// - Parameters:
  ///   - elements: Their positions in the tensor, not beyond its end.
  ///   - view: How the elements lie.
  ///   - start: Where in the file the view's first element is.
  ///   - width: The bytes of an element.
  ///   - buffer: Where they go, one after the other; exactly as long as they are.
  /// - Throws: If a read fails or the file ends too early.
  package func read(
    _ elements: Range<Int>, of view: StridedView, at start: Int, width: Int,
    into buffer: UnsafeMutableRawBufferPointer
  ) throws(FormatError) {
    try unsafe StridedReader(self, view, start: start, width: width).read(elements, into: buffer)
  }
}
