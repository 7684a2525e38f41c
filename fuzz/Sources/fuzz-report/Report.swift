import FuzzSupport
@testable import SluiceFormats
@testable import SluicePlan
@testable import SluiceRun
@testable import SluiceRecipe

/// A file that a run left, as each of those that read one of its JSON files.
///
/// They are the manifest, the report as `verify` needs it, the report as `plan --actual` needs it, and
/// the status of a run. The tables of numbers that some methods take are JSON as well, and are read
/// here too.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzReport(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  _ = attempt(start, count) { bytes in
    let directory = directories.value
    directory.fill(".sluice/manifest.json", bytes)
    let path = "\(directory.path)/.sluice/manifest.json"
    guard case .manifest(let manifest) = try Manifest.read(path) else { return }
    manifest.json.withUnsafeBytes { directory.fill("again", $0) }
    guard case .manifest(let again) = try Manifest.read("\(directory.path)/again") else {
      fatalError("a manifest that is none when it is written again")
    }
    precondition(again == manifest && again.identity == manifest.identity)
    precondition(manifest.differences(from: again).isEmpty)
    _ = try RunStatus(of: directory.path)
  }
  _ = attempt(start, count) { bytes in
    directories.value.fill(RunFile.report, bytes)
    let report = try ReportedShards("\(directories.value.path)/\(RunFile.report)")
    precondition(Set(report.shards.map(\.file)).count == report.shards.count)
  }
  _ = attempt(start, count) { bytes in
    directories.value.fill("numbers", bytes)
    let path = "\(directories.value.path)/numbers"
    let numbers = try? NumberTable.read(path, models: nil, required: [])
    precondition(numbers?.values.allSatisfy(\.isFinite) ?? true)
    _ = try CoefficientTable.read(path, models: ["a", "b"])
  }
  return attempt(start, count) { bytes in
    directories.value.fill(RunFile.report, bytes)
    let plan = try PlanExplanation.read(fromReportOf: directories.value.path)
    precondition(plan.plannedMemory >= 0)
    let text = JSONWriter.bytes { json in
      json.beginObject()
      json.key("explanation")
      plan.write(to: &json)
      json.endObject()
    }
    text.withUnsafeBytes { directories.value.fill(RunFile.report, $0) }
    let again: PlanExplanation
    do { again = try PlanExplanation.read(fromReportOf: directories.value.path) } catch {
      fatalError("\(error)")
    }
    precondition(again.passes.count == plan.passes.count && again.memory == plan.memory)
  }
}

private let directories = Confined(MemoryDirectory([".sluice"]))
