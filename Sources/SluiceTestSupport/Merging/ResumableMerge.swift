package import SluiceCore
package import SluiceDataflow
internal import SluiceFormats
internal import SluiceMethods
internal import SluicePlan
package import SluiceRun
package import SluiceRecipe
internal import SluiceStages

/// A small family on disk that is merged again and again into directories of its own, whole or with
/// interruptions, and what an uninterrupted merge of it gives.
package final class ResumableMerge: Sendable {
  /// Where everything lies; removed with the last reference.
  package let directory: String
  /// What is merged.
  package let recipe: MergeRecipe
  /// How: with many strips, and every finished unit recorded at once.
  package let options: RunOptions
  /// The files of an uninterrupted merge by name; the report without what may differ.
  package let expected: [String: [UInt8]]

  /// Makes a family and merges it once.
  ///
  /// - Parameters:
  ///   - root: Where temporary directories are made.
  ///   - dtype: The type of all weights; F32 takes more passes.
  ///   - threads: The number of lanes.
  ///   - spill: Whether the second pass reads what the first kept.
  ///   - foldsAdapter: Whether an adapter is folded in the place of a merge.
  ///   - intermediateSize: The width of the feed-forward part; as it is, three linear layers have two
  ///     strips of 65536 elements each.
  ///   - prepare: Writes what a method reads beside the models, and changes the recipe.
  /// - Throws: If the family cannot be written or merged.
  package init(
    in root: String, dtype: DType = .bf16, threads: Int = 1, spill: RunOptions.SpillOption = .off,
    foldsAdapter: Bool = false, intermediateSize: Int = 2800,
    prepare: (ModelFamily, inout MergeRecipe) throws -> Void = { _, _ in }
  ) throws {
    directory = "\(root)/sluice-resume-\(UInt64.random(in: .min ... .max))"
    var spec = FamilySpec(seed: 11)
    spec.baseDType = dtype
    for index in spec.fineTunes.indices { spec.fineTunes[index].dtype = dtype }
    spec.layerCount = 1
    spec.intermediateSize = intermediateSize
    let family = spec.build()
    try family.base.write(to: "\(directory)/base")
    for tuned in family.fineTuned { try tuned.model.write(to: "\(directory)/\(tuned.name)") }
    guard let rate = PruningRate(0.8) else { preconditionFailure("0.8 is a rate") }
    let models = family.fineTuned.map { [directory] tuned in
      MergeRecipe.Model(name: tuned.name, path: "\(directory)/\(tuned.name)")
    }
    var recipe = MergeRecipe(
      base: "\(directory)/base", models: models, method: MethodParameters(pruningRate: rate))
    recipe.models[0].amplification = [1.1, 1.3]
    if foldsAdapter {
      try TinyLoRA(rank: 5, alpha: 7, seed: 3).write(for: family.base, to: "\(directory)/lora")
      recipe.models = [MergeRecipe.Model(name: "adapter", path: recipe.base)]
      recipe.models[0].adapters = [MergeRecipe.Adapter(path: "\(directory)/lora")]
      recipe.method = .plainSum
    }
    recipe.method.shardSize = ByteCount(200_000)
    try prepare(family, &recipe)
    self.recipe = recipe
    var options = RunOptions(threads: threads)
    options.stripElements = Granularity.grainElements
    options.journalPace.interval = .zero
    options.spill = spill
    self.options = options
    let plan = try MergePlan(recipe, options: options)
    _ = try MergeRun(plan, output: "\(directory)/expected").run()
    expected = try ResumableMerge.files(in: "\(directory)/expected")
  }

  deinit { try? Directory.remove(directory) }

  /// The path of an output.
  package func output(_ name: String) -> String { "\(directory)/\(name)" }

  /// Merges into an output, or goes on with it.
  @discardableResult
  package func run(
    _ name: String, cancellation: Cancellation = Cancellation(),
    progress: ProgressMeter = ProgressMeter(), change: (inout RunOptions) -> Void = { _ in },
    changeRecipe: (inout MergeRecipe) -> Void = { _ in }
  ) throws -> MergeRun.Outcome {
    var (options, recipe) = (options, recipe)
    change(&options)
    changeRecipe(&recipe)
    let plan = try MergePlan(recipe, options: options)
    return try MergeRun(
      plan, output: output(name), progress: progress, cancellation: cancellation
    ).run()
  }

  /// The files of an output by name, for comparing with what is expected.
  ///
  /// - Parameter name: The output's name.
  /// - Returns: The content of each; of the report only what an interruption may not change.
  /// - Throws: If a file cannot be read.
  package func files(of name: String) throws -> [String: [UInt8]] {
    try ResumableMerge.files(in: output(name))
  }

  private static func files(in directory: String) throws -> [String: [UInt8]] {
    var files: [String: [UInt8]] = [:]
    for entry in try Directory.list(directory) where entry.status?.kind == .regularFile {
      var bytes = try InputFile.contents(of: "\(directory)/\(entry.name)", byteLimit: 1 << 30)
      if entry.name == RunFile.report {
        // Costs and the way of the last attempt are members of one line each.
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        let variable = [
          "seconds", "bytesRead", "bytesWritten", "bytesSpilled", "peakMemory", "peakLeased",
          "attempts", "memory", "plannedMemory", "lanes", "chunkElements", "outputBuffers", "io",
          "vectorLevel", "passes",
        ]
        // What happened in each pass is an object of many lines, which ends as it is indented.
        var isInExplanation = false
        let fixed = lines.filter { line in
          if line.hasPrefix(" \"explanation\": {") { isInExplanation = true }
          defer { if isInExplanation, line.hasPrefix(" }") { isInExplanation = false } }
          return !isInExplanation
            && !variable.contains { line.contains("\"\($0)\": ") }
        }
        bytes = Array(fixed.joined(separator: "\n").utf8)
      }
      files[entry.name] = bytes
    }
    return files
  }
}
