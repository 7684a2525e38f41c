import FuzzSupport
@testable import SluiceEvaluate

/// A file of examples that models are scored on, as evaluate, collect and search read it.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTask(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  attempt(start, count) { bytes in
    let file = try TaskFile(Array(bytes), path: "task.jsonl")
    precondition(!file.examples.isEmpty)
    precondition(file.examples.allSatisfy { $0.isChoice == file.isChoice && $0.line > 0 })
    let other = try TaskFile(Array(bytes), path: "other/task.jsonl")
    precondition(other.hash == file.hash && other.examples.count == file.examples.count)
  }
}
