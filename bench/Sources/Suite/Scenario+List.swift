import ModelFamilies
import Platform

extension Scenario {
  /// The density of every pruning here: 0.2, so a pruning rate of 0.8, the default of `sluice merge`.
  static let density = "0.2"

  private static let dare = ["--prune", "dare", "--pruning-rate", "0.8"]
  private static let unpruned = ["--prune", "none"]

  /// All scenarios, in the order in which they are shown.
  public static let all: [Scenario] =
    methods + runOptions + unbound + families + cold + sizes + [
      Scenario("start-tiny", .start, [], family: Family(shape: "tiny"), isCounted: false)
    ] + mergekit

  private static let methods = [
    Scenario("dppa-ties", .methods, []),
    Scenario(
      "magnitude-ties", .methods, ["--prune", "magnitude", "--rates", "uniform"],
      against: "dppa-ties"),
    Scenario(
      "dare-sum", .methods, dare + ["--merge", "sum"], floorReads: 1, against: "dppa-ties"),
    Scenario(
      "dare-ties", .methods, dare + ["--merge", "ties"], floorReads: 1, against: "dppa-ties"),
    Scenario(
      "sum", .methods, unpruned + ["--merge", "sum"], floorReads: 1, against: "dppa-ties"),
    Scenario(
      "average", .methods, unpruned + ["--merge", "average"], floorReads: 1, against: "dppa-ties"),
    Scenario(
      "original-ties", .methods, unpruned + ["--ties-flavor", "original"], against: "dppa-ties"),
    Scenario(
      "trimmed-ties", .methods,
      unpruned + ["--ties-flavor", "mergekit", "--ties-density", density], against: "dppa-ties"),
  ]

  private static let runOptions = [
    Scenario("threads-1", .threads, ["--threads", "1"], against: "dppa-ties"),
    Scenario(
      "average-threads-1", .threads, unpruned + ["--merge", "average", "--threads", "1"],
      floorReads: 1, against: "average"),
    Scenario("memory-64mib", .memory, ["--memory", "64MiB"], against: "dppa-ties"),
    Scenario("memory-96mib", .memory, ["--memory", "96MiB"], against: "dppa-ties"),
    Scenario(
      "avx2", .vectors, ["--vector-level", "avx2"], against: "dppa-ties", isCounted: false),
    Scenario(
      "baseline", .vectors, ["--vector-level", "baseline"], against: "dppa-ties", isCounted: false),
    Scenario("spill-none", .spills, ["--spill", "none"], against: "dppa-ties"),
    Scenario("spill-rice", .spills, ["--spill", "rice"], against: "dppa-ties"),
    Scenario("spill-zstd", .spills, ["--spill", "zstd"], against: "dppa-ties"),
  ]

  /// Threads where the disk does not bind: inputs are in the page cache, the output stays in memory.
  private static let unbound: [Scenario] = [[], ["--vector-level", "baseline"]].flatMap { words in
    let prefix = words.isEmpty ? "unbound" : "unbound-baseline"
    return [2, 1].map { threads in
      Scenario(
        "\(prefix)-threads-\(threads)", .threads, ["--threads", "\(threads)"] + words,
        isOutputInMemory: true, against: threads == 1 ? "\(prefix)-threads-2" : nil,
        isCounted: false)
    }
  }

  private static let families = [
    Scenario("f16", .dtypes, [], family: Family(type: .f16)),
    Scenario("f32", .dtypes, [], family: Family(type: .f32)),
    models(2, isCounted: false), models(4, against: "models-2"), models(8, against: "models-2"),
  ]

  /// A merge of so many models of a family of 1 GB a model, so that nine of them fit the page cache of a
  /// machine with 16 GB.
  private static func models(
    _ number: Int, against: String? = nil, isCounted: Bool = true
  ) -> Scenario {
    Scenario(
      "models-\(number)", .models, [], family: Family(models: number, layers: 8), turns: "models",
      against: against, isCounted: isCounted)
  }

  private static let cold = [
    Scenario("cold-dppa-ties", .cold, [], isCold: true, isCounted: false),
    Scenario(
      "cold-average", .cold, unpruned + ["--merge", "average"], floorReads: 1, isCold: true,
      isCounted: false),
    Scenario(
      "cold-group-128mib", .memory, ["--memory", "64MiB"], isCold: true, memoryGroup: 128 << 20,
      against: "cold-dppa-ties", isCounted: false),
  ]

  /// No floor: reading all of the large family twice would take as long as merging it.
  ///
  /// No spill: whether one is chosen depends on the disk's measured speed, and can differ from turn to turn.
  private static let sizes = [
    ("size-1.1b", Family(shape: "llama-1.1b")),
    ("size-13b", Family(shape: "llama-13b", distinctLayers: 2)),
  ].map { name, family in
    Scenario(
      name, .size, ["--memory", "512MiB", "--spill", "off"], family: family, floorReads: 0,
      isCold: true,
      memoryGroup: 1 << 30, turns: "sizes", against: name == "size-13b" ? "size-1.1b" : nil,
      isCounted: false)
  }

  private static let mergekit =
    [
      Scenario(.ties, against: "trimmed-ties", floorReads: 2),
      Scenario(.dareTies, against: "dare-ties", floorReads: 1),
      Scenario(.taskArithmetic, against: "sum", floorReads: 1),
      Scenario(.linear, against: "average", floorReads: 1),
    ] + MergekitMethod.allCases.flatMap(recipes)

  /// The scenarios that were asked for, with those that they are compared with.
  /// - Parameter words: names of scenarios or topics; all scenarios when there is none.
  /// - Returns: the scenarios, in the order of the list.
  /// - Throws: `BenchFailure` for a word that is neither.
  public static func chosen(by words: [String]) throws -> [Scenario] {
    var names = Set(words.isEmpty ? all.map(\.name) : [])
    for word in words {
      let found = all.filter { $0.name == word || $0.topic.rawValue == word }
      guard !found.isEmpty else {
        let topics = Topic.allCases.map(\.rawValue).joined(separator: ", ")
        throw BenchFailure("no scenario '\(word)': see 'bench run --list'; topics are \(topics)")
      }
      names.formUnion(found.map(\.name))
      names.formUnion(found.compactMap(\.against))
    }
    return all.filter { names.contains($0.name) }
  }
}
