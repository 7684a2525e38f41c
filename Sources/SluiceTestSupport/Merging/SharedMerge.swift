internal import Foundation
package import SluiceCore
internal import SluiceFormats
internal import SluiceKernels
internal import SluicePlan
package import SluiceRecipe
package import SluiceRun
internal import Synchronization

/// A merge that is done in shares, as a bad cluster does it.
package struct SharedMerge {
  private struct Ended: Error {}

  private let merge: ResumableMerge
  private let name: String
  private let shareCount: Int

  /// Describes a merge.
  ///
  /// - Parameters:
  ///   - merge: What is merged, and what one machine makes of it.
  ///   - name: The name of the output.
  ///   - shareCount: How many shares.
  package init(_ merge: ResumableMerge, as name: String = "shared", shareCount: Int) {
    self.merge = merge
    self.name = name
    self.shareCount = shareCount
  }

  /// Where it is done.
  package var output: String { merge.output(name) }

  /// Prepares it.
  @discardableResult
  package func prepare() throws -> SharePreparation.Outcome {
    try SharePreparation(
      MergePlan(merge.recipe, options: options(0)), output: output, shareCount: shareCount
    ).run()
  }

  /// The plan that a process of the run makes of a share, or to put a phase together.
  package func plan(_ worker: Int, share: Int?) throws -> SharedPlan {
    guard let run = try SharedRun.open(output) else { throw Ended() }
    return try run.plan(run.recipe, options(worker), share: share)
  }

  /// The plan of a process of the run: lanes and vector units differ from one to the next.
  package func plan(_ worker: Int) throws -> SharedPlan {
    guard let run = try SharedRun.open(output) else { throw Ended() }
    return try run.plan(run.recipe, options(worker))
  }

  private func options(_ worker: Int) -> RunOptions {
    var options = merge.options
    options.threads = 1 + worker % 2
    let levels = VectorLevel.allCases.filter(\.isSupported)
    options.vectorLevel = levels[worker % levels.count]
    return options
  }

  /// Does a phase: first with ends at some call, then all shares twice, all at the same time.
  package func run(
    _ phase: SharePhase, kills: Int = 0, using random: inout RepeatableGenerator
  ) throws {
    // By turns as processes do it, and with the whole plan.
    let whole = try plan(0)
    let plans = try (0..<shareCount).map { try plan($0 + 1, share: $0) }
    for _ in 0..<kills {
      let disk = FailingDisk(under: output, .kill, at: Int.random(in: 0..<60, using: &random))
      let some = (0..<shareCount).filter { _ in Bool.random(using: &random) }
      _ = SharedMerge.atOnce(some.shuffled(using: &random)) { share in
        _ = try ShareWork(plans[share], phase, share: share).run()
      }
      disk.end()
    }
    let all = (Array(0..<shareCount) + Array(0..<shareCount)).shuffled(using: &random)
    let errors = SharedMerge.atOnce(Array(all.indices)) { worker in
      let plan = worker % 3 == 0 ? whole : plans[all[worker]]
      _ = try ShareWork(plan, phase, share: all[worker]).run()
    }
    if let error = errors.first { throw error }
  }

  /// Does all of it, and tells where the output differs from that of one machine.
  ///
  /// - Parameters:
  ///   - seed: What the order and the kills are drawn from.
  ///   - kills: How often all processes of a phase are ended at a call.
  /// - Returns: A line for each difference.
  /// - Throws: What keeps it from being merged.
  package func differences(seed: UInt64, kills: Int) throws -> [String] {
    var random = RepeatableGenerator(seed: seed)
    guard case .prepared(let plan) = try prepare() else { throw Ended() }
    for phase in plan.phases {
      try run(phase, kills: kills, using: &random)
      if phase != plan.phases.last { try ShareReduction(try self.plan(1, share: nil), phase).run() }
    }
    guard try ShareFinish(try self.plan(0)).run() != nil else { throw Ended() }
    let (files, expected) = (try merge.files(of: name), merge.expected)
    var differences: [String] = []
    if files.keys.sorted() != expected.keys.sorted() {
      differences.append("files: \(files.keys.sorted())")
    }
    for (name, bytes) in files {
      guard let other = expected[name] else { continue }
      if SharedMerge.comparable(bytes, name) != SharedMerge.comparable(other, name) {
        differences.append(name)
      }
    }
    if try Directory.list(output).contains(where: { $0.name == RunFile.workDirectory }) {
      differences.append("the work directory is left")
    }
    return differences
  }

  /// A report without its identity: inputs of a shared run count without their times.
  private static func comparable(_ bytes: [UInt8], _ name: String) -> [UInt8] {
    guard name == RunFile.report else { return bytes }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    return Array(
      lines.filter { !$0.contains("\"identity\": ") }.joined(separator: "\n").utf8)
  }

  /// Runs jobs at the same time, as many as there are processors.
  private static func atOnce(
    _ jobs: [Int], _ body: @escaping @Sendable (Int) throws -> Void
  ) -> [any Error] {
    let errors = Mutex<[any Error]>([])
    DispatchQueue.concurrentPerform(iterations: jobs.count) { index in
      do { try body(jobs[index]) } catch { errors.withLock { $0.append(error) } }
    }
    return errors.withLock { $0 }
  }
}

extension ResumableMerge {
  /// A merge as a recipe of `pipelines` says it, of two models of a small family.
  ///
  /// - Parameters:
  ///   - pipeline: The name of the recipe.
  ///   - dtype: The type of all weights.
  ///   - intermediateSize: The width of the feed-forward part.
  ///   - spill: Whether the second pass reads what the first kept.
  ///   - change: Changes the recipe, in the directory of the models.
  /// - Throws: If the family cannot be written or merged.
  package convenience init(
    pipeline: String, dtype: DType = .bf16, intermediateSize: Int = 2800,
    spill: RunOptions.SpillOption = .off,
    change: @escaping (inout MergeRecipe, String) throws -> Void = { _, _ in }
  ) throws {
    var root = URL(fileURLWithPath: #filePath)
    for _ in 0..<4 { root.deleteLastPathComponent() }
    let text = try String(
      contentsOf: root.appendingPathComponent("pipelines/\(pipeline).yaml"), encoding: .utf8)
    try self.init(
      in: ScratchDirectory.root, dtype: dtype, spill: spill, intermediateSize: intermediateSize
    ) { family, recipe in
      let directory = Directory.parent(of: recipe.base)
      if text.contains("models/files/") {
        let scratch = try ScratchDirectory()
        try family.writeMethodFiles(seed: 5, to: scratch, under: "files")
        try FileManager.default.moveItem(atPath: scratch("files"), toPath: "\(directory)/files")
      }
      let names = family.fineTuned.map(\.name)
      // Files of methods call models by the names of the family.
      let here = text.replacingOccurrences(of: "math: ", with: "\(names[0]): ")
        .replacingOccurrences(of: "law: ", with: "\(names[1]): ")
        .replacingOccurrences(of: "files/math-", with: "files/\(names[0])-")
        .replacingOccurrences(of: "files/law-", with: "files/\(names[1])-")
        .replacingOccurrences(of: "models/files/", with: "\(directory)/files/")
        .replacingOccurrences(of: "models/base", with: recipe.base)
        .replacingOccurrences(of: "models/math", with: recipe.models[0].path)
        .replacingOccurrences(of: "models/law", with: recipe.models[1].path)
      let size = recipe.method.shardSize
      recipe = try RecipeFile.parse(here, options: RunOptions(threads: 1)).recipe
      recipe.method.shardSize = size
      try change(&recipe, directory)
    }
  }
}
