internal import SluiceCore
internal import SluiceFormats

/// What the result of a search for amplification factors says (`search.json`, version 1).
struct ReportedSearch {
  /// A candidate on the way.
  struct Step {
    let method: String
    let factors: [Double]
    let tasks: [(name: String, score: Double?)]
    /// 0 for a candidate that could not be evaluated.
    let domainRatio: Double
    let seconds: Double
    var isEvaluated: Bool { !tasks.isEmpty }
  }

  /// What was found for a model.
  struct Model {
    let name: String
    let method: String
    let partitionRates: [Double]
    let factors: [Double]
    let domainRatio: Double
    let dense: [(name: String, score: Double?)]
    let steps: [Step]
    let otherEvaluations: Double
    let warnings: [String]
  }

  let evaluator: String
  let prune: String
  let strategy: String
  let step: Double
  let bound: Double
  let models: [Model]
  let mergedTasks: [(name: String, score: Double?)]
  let mergedRatios: [(name: String, score: Double?)]

  init(_ path: String) throws {
    let tree = try JSONValue.read(path)
    guard tree["version"]?.number == 1, tree["models"] != nil else {
      throw ReportError.badInput(
        "not a search result that this version reads (version 1)", file: path)
    }
    evaluator = tree["evaluator"]?.text ?? ""
    prune = tree["prune"]?.text ?? ""
    strategy = tree["strategy"]?.text ?? ""
    step = tree["step"]?.number ?? 0
    bound = tree["bound"]?.number ?? 0
    models = (tree["models"]?.list ?? []).map { model in
      Model(
        name: model["name"]?.text ?? "", method: model["method"]?.text ?? "",
        partitionRates: ReportedSearch.numbers(model["partitionRates"]),
        factors: ReportedSearch.numbers(model["factors"]),
        domainRatio: model["domainRatio"]?.number ?? 0, dense: ReportedSearch.table(model["dense"]),
        steps: (model["trajectory"]?.list ?? []).map { step in
          Step(
            method: step["method"]?.text ?? "", factors: ReportedSearch.numbers(step["factors"]),
            tasks: ReportedSearch.table(step["tasks"]),
            domainRatio: step["domainRatio"]?.number ?? 0, seconds: step["seconds"]?.number ?? 0)
        }, otherEvaluations: model["otherEvaluations"]?.number ?? 0,
        warnings: (model["warnings"]?.list ?? []).map(\.text))
    }
    mergedTasks = ReportedSearch.table(tree["merged"]?["tasks"])
    mergedRatios = ReportedSearch.table(tree["merged"]?["domainRatios"])
  }

  private static func numbers(_ tree: JSONValue?) -> [Double] {
    (tree?.numbers ?? []).map { $0 ?? 0 }
  }

  private static func table(_ tree: JSONValue?) -> [(name: String, score: Double?)] {
    (tree?.members ?? [:]).map { ($0.key, $0.value.number) }.sorted { $0.name < $1.name }
  }
}
