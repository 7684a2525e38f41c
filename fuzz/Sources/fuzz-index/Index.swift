import FuzzSupport
@testable import SluiceFormats

/// The index of a sharded checkpoint.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzIndex(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  attempt(start, count) { bytes in
    var scanner = JSONScanner(bytes, file: "x")
    let index = try CheckpointIndex(reading: &scanner, path: "x")
    for name in index.fileNames {
      precondition(!name.isEmpty && !name.utf8.contains(0x2f) && name != "..", "\(name)")
    }
    precondition(index.fileOrdinals.values.allSatisfy(index.fileNames.indices.contains))
  }
}
