import FuzzSupport
@testable import SluiceFormats
@testable import SluiceSearch

/// The result of a search, as those read it that go on with it.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzResult(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  attempt(start, count) { bytes in
    let directory = directories.value
    directory.fill(SearchResult.fileName, bytes)
    let result = try SearchResult.read(directory.path)
    result.json.withUnsafeBytes { directory.fill(SearchResult.fileName, $0) }
    let again: SearchResult
    do { again = try SearchResult.read(directory.path) } catch { fatalError("\(error)") }
    precondition(again.models.map(\.name) == result.models.map(\.name))
    precondition(again.models.map(\.trajectory.count) == result.models.map(\.trajectory.count))
    precondition(again.json == result.json, "written again, it is another")
  }
}

private let directories = Confined(MemoryDirectory())
