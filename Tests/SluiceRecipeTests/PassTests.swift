import Foundation
import SluiceCore
import SluiceDataflow
import SluiceMethods
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceStages
import SluiceTestSupport
import Testing

/// The passes that a plan has are those that its run takes: the same ones, with the same nodes, which read
/// and write the bytes that were planned.
@Suite("Passes of plan and run")
struct PassTests {
  private static func withMethodFiles(_ dtype: DType = .bf16) throws -> FamilyDirectory {
    let directory = try FamilyDirectory(dtype: dtype)
    try directory.writeMethodFiles()
    return directory
  }

  @Test("are the same for every recipe in pipelines/", arguments: PipelineTests.names)
  func pipelines(name: String) throws {
    let text = try String(
      contentsOfFile: PipelineTests.directory + "/" + name, encoding: .utf8)
    if text.contains("python3"), !Shell.hasNumPy { return }
    let directory = try PassTests.withMethodFiles()
    try FileManager.default.createSymbolicLink(
      atPath: directory("stages"), withDestinationPath: PipelineTests.directory + "/stages")
    try expectSamePasses(
      directory.recipe(
        text.replacingOccurrences(of: "[python3,", with: "[\(Shell.python),")
          .replacingOccurrences(of: "- python3\n", with: "- \(Shell.python)\n")), in: directory)
  }

  private static let family = Result { try PassTests.withMethodFiles() }

  @Test("are the same for each pruning and each merging", arguments: MethodPair.some)
  func pairs(pair: MethodPair) throws { try expectSamePasses(pair) }

  func expectSamePasses(_ pair: MethodPair) throws {
    let directory = try PassTests.family.get()
    try expectSamePasses(directory.recipe(flags: pair.flags), in: directory)
  }

  @Test("are the same for weights of F32, which are looked into again", arguments: MethodPair.some)
  func looksIntoBins(pair: MethodPair) throws {
    let directory = try PassTests.withMethodFiles(.f32)
    let report = try expectSamePasses(directory.recipe(flags: pair.flags), in: directory)
    let counts = report.passes.contains { ["survey", "trim"].contains($0.name) }
    #expect(report.passes.contains { $0.name.hasPrefix("refine") } == counts)
  }

  @Test("are the same with a spill, whose frames are no bytes of the merged model")
  func spill() throws {
    let directory = try PassTests.withMethodFiles()
    let pair = try #require(MethodPair.some.first { $0.prune.name == "dppa" })
    var options = RunOptions(threads: 2)
    options.spill = .on(.zstd(level: 1))
    let report = try expectSamePasses(
      directory.recipe(flags: pair.flags), in: directory, options: options)
    let survey = try #require(report.passes.first { $0.name == "survey" })
    #expect(survey.byteCount(.output) == 0)
    #expect(survey.byteCount(.spill) > 0 && survey.byteCount(.spill) <= survey.bytesSpilled)
    let shown = try #require(report.explanation?.passes.first { $0.name == "survey" })
    #expect(shown.bytesWritten == 0 && shown.bytesSpilled == survey.bytesSpilled)
    #expect(shown.segments.map(\.node) == ["lane", "write frames"])
    #expect(shown.segments[1].actual?.byteCount == survey.byteCount(.spill))
  }

  @Test(
    "tell what crossed each queued edge: as many bytes as were read, and as were written",
    arguments: RunOptions.EdgeOption.allCases)
  func edges(edges: RunOptions.EdgeOption) throws {
    let directory = try PassTests.withMethodFiles()
    let pair = try #require(MethodPair.some.first { $0.prune.name == "dppa" })
    var options = RunOptions(threads: 2)
    options.edges = edges
    let report = try expectSamePasses(
      directory.recipe(flags: pair.flags), in: directory, options: options)
    #expect(report.explanation?.edges == (edges == .queued ? "queued" : "fused"))
    let merge = try #require(report.explanation?.passes.last)
    let channels = merge.segments.map { $0.channel?.name }
    #expect(channels == (edges == .queued ? ["chunks", "merged", nil] : ["merged", nil]))
    for segment in merge.segments {
      guard let channel = segment.channel, let actual = channel.actual else { continue }
      #expect(actual.elementCount > 0)
      #expect(
        actual.byteCount == (channel.name == "chunks" ? merge.bytesRead : merge.bytesWritten))
      // Small tensors that lie one after the other are written at once.
      if channel.name == "merged" { #expect(actual.elementCount < report.plan.tasks.count / 2) }
    }
    let crossed = report.passes.flatMap(\.run.edges).filter { $0.name == "chunks" }
    // Two lanes, in the survey and in the merge.
    #expect(crossed.count == 4)
    #expect(
      crossed.reduce(0) { $0 + $1.byteCount }
        == report.passes.reduce(0) { $0 + $1.byteCount(.input) })
  }

  @Test(
    "show what was read after a run, also where rows are cut and layers solved for",
    arguments: ["wanda", "sparsegpt", "regmean"])
  func read(method: String) throws {
    let directory = try PassTests.withMethodFiles()
    let pair = try #require(
      MethodPair.some.first { $0.prune.name == method || $0.merge.name == method })
    let report = try expectSamePasses(directory.recipe(flags: pair.flags), in: directory)
    let shown = try #require(report.explanation?.passes.first)
    #expect(shown.name == (method == "wanda" ? "rows" : "solve"))
    #expect(shown.bytesRead > 0 && shown.bytesSpilled > 0 && shown.bytesWritten == 0)
    #expect(shown.segments[0].actual?.byteCount == shown.bytesRead)
  }

  /// Plans a merge, runs it, and compares.
  @discardableResult
  func expectSamePasses(
    _ recipe: MergeRecipe, in directory: FamilyDirectory,
    options: RunOptions = RunOptions(threads: 2)
  ) throws -> MergeReport {
    let merge = try MergePlan(recipe, options: options)
    let plan = merge.tensors
    let output = directory("passes-\(UUID().uuidString)")
    let report = try MergeRun(merge, output: output).execute()
    func always(_ passes: [any TensorPass]) -> [String] {
      passes.filter { !$0.isConditional }.map(\.name)
    }
    let planned = Set(plan.passes.map(\.name))
    #expect(always(report.passes.map(\.pass)) == always(plan.passes))
    for metrics in report.passes {
      let pass = metrics.pass
      #expect(planned.contains(pass.name), "\(pass.name) was not planned")
      let graph = pass.graph(plan)
      for node in graph.nodes {
        #expect(metrics.nodes(of: node.kind).count == node.count, "\(pass.name): \(node.kind.name)")
      }
      #expect(metrics.run.nodes.count == graph.nodes.reduce(0) { $0 + $1.count })
      let (read, written) = (metrics.byteCount(.input), metrics.byteCount(.output))
      #expect(written == pass.bytesWritten(plan), "\(pass.name) writes")
      #expect(metrics.bytesSpilled <= pass.bytesSpilled(plan) || plan.spill.isOn)
      if pass.isConditional {
        #expect(metrics.tensorCount <= pass.tensorCount(plan))
        #expect(read <= pass.bytesRead(plan), "\(pass.name) reads")
      } else {
        #expect(metrics.tensorCount == pass.tensorCount(plan))
        // What is packed is looked at a second time, and then read as frames.
        if !plan.spill.isOn { #expect(read == pass.bytesRead(plan), "\(pass.name) reads") }
      }
    }
    let shown = try PlanExplanation.read(fromReportOf: output).passes
    #expect(shown.map(\.name) == report.passes.map(\.name))
    #expect(shown.map(\.bytesRead) == report.passes.map { $0.byteCount(.input) })
    #expect(shown.map(\.bytesWritten) == report.passes.map { $0.byteCount(.output) })
    #expect(shown.map(\.bytesSpilled) == report.passes.map(\.bytesSpilled))
    return report
  }
}
