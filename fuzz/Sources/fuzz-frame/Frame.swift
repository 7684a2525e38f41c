import FuzzSupport
@testable import SluiceCore
@testable import SluiceFormats
@testable import SluiceKernels

@testable import SluicePlan
@testable import SluiceRun
@testable import SluiceStore

/// Frames, tables of frames, and what a delta store knows of a tensor.
///
/// The first byte says which, and whether hash and length are made right, so that what is after them
/// is reached.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzFrame(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  attempt(start, count) { bytes in
    guard let first = bytes.first else { return }
    var data = Array(bytes.dropFirst())
    switch first % 4 {
    case 0: try frame(data)
    case 1:
      guard data.count >= 24 else { return }
      data.replaceSubrange(0..<4, with: Array("slf1".utf8))
      let length = UInt32(data.count)
      for index in 0..<4 {
        data[4 + index] = UInt8(truncatingIfNeeded: length >> UInt32(8 * index))
      }
      data.replaceSubrange(8..<24, with: Hash128(of: Array(data[24...]), seed: 7).bytes)
      try frame(data)
    case 2:
      guard let table = FrameTable(encoded: data) else { return }
      precondition(table.encoded == data)
    default:
      guard let tensor = StoredTensor(encoded: data + Hash128(of: data).bytes) else { return }
      precondition(StoredTensor(encoded: tensor.encoded)?.encoded == tensor.encoded)
    }
  }
}

private func frame(_ data: [UInt8]) throws {
  let decoder = state.value
  let place = FramePlace(file: "fuzz", byteRange: 0..<data.count, tensor: "t")
  // A copy of its own length, so that reading beyond its end is seen.
  let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: data.count, alignment: 1)
  defer { copy.deallocate() }
  copy.copyBytes(from: data)
  try decoder.decode(UnsafeRawBufferPointer(copy), seed: 7, place: place)
  precondition(decoder.keptCount <= decoder.elementCount)
  precondition(Int(decoder.ends[Frame.classCount - 1]) == decoder.keptCount)
  // Against any base it unpacks, or is found to be another's.
  let width = decoder.dtype.byteCount ?? 4
  let base = [UInt8](repeating: 0x3c, count: decoder.elementCount * width)
  var out = [UInt8](repeating: 0, count: base.count)
  _ = Kernels.best.unpack(
    base: base, decoder.dtype, keep: decoder.keep, count: decoder.elementCount,
    planes: decoder.planes, planeLength: decoder.keptCount, positions: decoder.positions,
    ends: decoder.ends, into: &out)
}

private let state = Confined(FrameDecoder(kernels: .best))
