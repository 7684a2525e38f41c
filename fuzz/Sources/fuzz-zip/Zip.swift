import FuzzSupport
@testable import SluiceCore
@testable import SluiceFormats

/// A whole PyTorch file: ZIP directory, pickle, storages.
///
/// Every byte of every tensor must lie inside.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzZip(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  attempt(start, count) { bytes in
    let file = fileInMemory.value
    file.fill(bytes)
    for tensor in try TorchFile.open(file.path).tensors {
      precondition(tensor.byteRange.lowerBound >= 0 && tensor.byteRange.upperBound <= bytes.count)
      guard let view = tensor.view else {
        precondition(
          tensor.dtype.byteCount(ofElements: tensor.shape.elementCount) == tensor.byteRange.count)
        continue
      }
      let width = tensor.dtype.byteCount ?? 0
      let last = zip(view.extents, view.strides).reduce(0) { $0 + ($1.0 - 1) * $1.1 }
      precondition((last + 1) * width == tensor.byteRange.count)
    }
  }
}

private let fileInMemory = Confined(MemoryFile())
