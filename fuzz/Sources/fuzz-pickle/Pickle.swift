import FuzzSupport
@testable import SluiceFormats

/// The pickle of a PyTorch file, without the archive around it.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzPickle(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  attempt(start, count) { bytes in
    var machine = PickleMachine(Array(bytes), file: "x", fileOffset: 0)
    _ = try machine.run()
    precondition(machine.tensors.allSatisfy { machine.storages.indices.contains($0.storage) })
  }
}
