import FuzzSupport
@testable import SluiceCore
@testable import SluiceFormats

/// A whole safetensors file: prefix, header, and as much data as there is.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzHeader(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  attempt(start, count) { bytes in
    let length = try SafetensorsHeader.textByteCount(
      prefix: Array(bytes.prefix(8)), fileByteCount: bytes.count, file: "x")
    let header = try SafetensorsHeader.parse(
      UnsafeRawBufferPointer(rebasing: bytes[8..<8 + length]), fileByteCount: bytes.count, file: "x"
    )
    var end = header.byteCount
    for tensor in header.tensors {
      precondition(tensor.byteRange.lowerBound == end, "\(tensor.name)")
      precondition(
        tensor.dtype.byteCount(ofElements: tensor.shape.elementCount) == tensor.byteCount)
      end = tensor.byteRange.upperBound
    }
    precondition(end == bytes.count)
  }
}
