import FuzzSupport
@testable import SluiceCore
@testable import SluiceFormats

/// A view of a small storage and a run of its elements, read by boxes and one by one.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzStrides(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  attempt(start, count) { bytes in
    guard bytes.count >= 4 else { return }
    let width = [1, 2, 4, 8][Int(bytes[0] & 3)]
    let rank = Int(bytes[0] >> 2 & 7)
    guard bytes.count >= 4 + 2 * rank else { return }
    let extents = (0..<rank).map { Int(bytes[4 + 2 * $0]) }
    let strides = (0..<rank).map { Int(bytes[5 + 2 * $0]) }
    guard let shape = TensorShape(extents), shape.elementCount <= 1 << 14,
      let span = StridedView.span(of: shape, strides: strides), span <= 1 << 15,
      let view = StridedView(shape, strides: strides)
    else { return }
    let (a, b) = (
      Int(bytes[1]) * 64 % shape.elementCount, Int(bytes[2]) * 64 % shape.elementCount
    )
    let run = min(a, b)..<max(a, b) + 1
    let data = (0..<span * width).map { UInt8(truncatingIfNeeded: $0 &* 167 >> 3 &+ $0) }
    let file = fileInMemory.value
    data.withUnsafeBytes(file.fill)
    var found = [UInt8](repeating: 0, count: run.count * width)
    let input = try InputFile.open(file.path)
    do {
      try found.withUnsafeMutableBytes {
        try input.read(run, of: view, at: 0, width: width, into: $0)
      }
    } catch { fatalError("\(error)") }
    var expected: [UInt8] = []
    for element in run {
      var (rest, place) = (element, 0)
      for (extent, stride) in zip(extents, strides).reversed() {
        place += rest % extent * stride
        rest /= extent
      }
      expected += data[place * width..<(place + 1) * width]
    }
    precondition(found == expected, "\(extents) \(strides) \(run)")
  }
}

private let fileInMemory = Confined(MemoryFile())
