import FuzzSupport
@testable import SluiceFormats
@testable import SluicePlan
@testable import SluiceRun

/// Lists of files that come with a model: those of a commit in a cache of the hub, and the folders of modules.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzHub(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  _ = attempt(start, count) { bytes in
    for name in try CompanionFolders.folders(in: Array(bytes), file: "x").map(\.name) {
      precondition(!name.isEmpty && !name.utf8.contains(0x2f) && !name.hasPrefix("."), name)
    }
  }
  return attempt(start, count) { bytes in
    let file = fileInMemory.value
    file.fill(bytes)
    let files = try HubTree.files(in: file.path)
    let needed = HubTree.needed(files)
    precondition(needed.count <= files.count)
    for (name, byteCount) in needed { precondition(files[name] == byteCount, name) }
  }
}

private let fileInMemory = Confined(MemoryFile())
