internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceFormats

/// What a merge's report says, as far as it is drawn.
///
/// Counts are Doubles, exact up to 2^53: whatever a
/// report says, adding up cannot overflow.
struct ReportedMerge {
  /// A linear layer of a model.
  struct Layer {
    let name: String
    let block: String
    let linear: String
    let elements: Double
    let zeros: Double
    let significance: Double
    let rate: Double
    let rates: [Double]
    /// How many deltas each ring holds, most severe first.
    let kept: [Double]
    /// The magnitude at each partition's cut; nil where nothing is kept.
    let thresholds: [Double?]
    let tied: [Double]

    var keptInAll: Double { kept.reduce(0, +) }
  }

  /// A fine-tuned model.
  struct Model {
    let name: String
    let path: String
    let weight: Double
    let factors: [Double]
    let requestedRate: Double?
    let assignedRate: Double?
    let achievedRate: Double?
    let layers: [Layer]
  }

  /// What the nodes of a kind spent their time on, in seconds over all of them.
  struct Node {
    let name: String
    let count: Double
    let stages: [String]
    let busy: Double
    let input: Double
    let output: Double
    let memory: Double
  }

  /// A pass over tensors.
  struct Pass {
    let name: String
    let reason: String
    let seconds: Double
    let bytesRead: Double
    let bytesSpilled: Double
    let bytesWritten: Double
    let bound: String
    let nodes: [Node]
  }

  let sluice: String
  let base: String
  /// The values of the recipe that are shown, by name.
  let recipe: [String: JSONValue]
  let run: [String: JSONValue]
  let totals: [String: JSONValue]
  let models: [Model]
  /// How tensors were changed; none in reports of versions that did not measure it.
  let changes: [ReportedChange]
  let passes: [Pass]
  /// The hash of each tensor of the result.
  let hashes: [String: String]
  let warnings: [(kind: String, subject: String, message: String)]

  var prune: String { recipe["prune"]?.text ?? "" }
  var merging: String { recipe["merge"]?.text ?? "" }
  /// Whether what is kept of a layer follows from the cuts in the report.
  var cutsByMagnitude: Bool { recipe["cutsByMagnitude"]?.isTrue ?? false }
  /// Whether elements elect a sign, so that models can be in conflict.
  var electsSigns: Bool { recipe["electsSigns"]?.isTrue ?? false }
  var tieBreak: String { recipe["tieBreak"]?.text ?? "" }
  var partitionRates: [Double] { (recipe["partitionRates"]?.numbers ?? []).compactMap(\.self) }

  init(_ path: String) throws {
    let tree = try JSONValue.read(path)
    guard tree["version"]?.number == 1 else {
      throw ReportError.badInput(
        "not a report of a merge that this version reads (version 1)", file: path)
    }
    sluice = tree["sluice"]?.text ?? ""
    recipe = tree["plan"]?["recipe"]?.members ?? [:]
    run = tree["plan"]?["run"]?.members ?? [:]
    totals = tree["totals"]?.members ?? [:]
    base = recipe["base"]?.text ?? ""
    models = (tree["models"]?.list ?? []).map(Model.init)
    changes = (tree["changes"]?.list ?? []).map(ReportedChange.init)
    passes = (tree["explanation"]?["passes"]?.list ?? []).map(Pass.init)
    hashes = Dictionary(
      (tree["shards"]?.list ?? []).flatMap { $0["tensors"]?.list ?? [] }.map {
        ($0["name"]?.text ?? "", $0["hash"]?.text ?? "")
      }
    ) { first, _ in first }
    warnings = (tree["warnings"]?.list ?? []).map { warning in
      let subject = ["model", "file", "tensor"].compactMap { warning[$0]?.text }
      return (
        warning["kind"]?.text ?? "", subject.joined(separator: ", "),
        warning["message"]?.text ?? ""
      )
    }
  }
}

extension ReportedMerge.Model {
  init(_ tree: JSONValue) {
    name = tree["name"]?.text ?? ""
    path = tree["path"]?.text ?? ""
    weight = tree["weight"]?.number ?? 1
    factors = (tree["factors"]?.numbers ?? []).compactMap(\.self)
    requestedRate = tree["requestedRate"]?.number
    assignedRate = tree["assignedRate"]?.number
    achievedRate = tree["achievedRate"]?.number
    layers = (tree["tensors"]?.list ?? []).map(ReportedMerge.Layer.init)
  }
}

extension ReportedMerge.Layer {
  init(_ tree: JSONValue) {
    name = tree["name"]?.text ?? ""
    block = BlockName.block(of: name)
    linear = LinearName.linear(of: name, block: block)
    elements = max(0, tree["elements"]?.number ?? 0)
    zeros = max(0, tree["zeros"]?.number ?? 0)
    significance = tree["significance"]?.number ?? 0
    rate = tree["rate"]?.number ?? 0
    rates = (tree["rates"]?.numbers ?? []).map { $0 ?? 0 }
    kept = (tree["kept"]?.numbers ?? []).map { max(0, $0 ?? 0) }
    thresholds = tree["threshold"]?.numbers ?? []
    tied = (tree["tied"]?.numbers ?? []).map { $0 ?? 0 }
  }
}

extension ReportedMerge.Pass {
  init(_ tree: JSONValue) {
    func number(_ key: String) -> Double { max(0, tree[key]?.number ?? 0) }
    name = tree["name"]?.text ?? ""
    reason = tree["reason"]?.text ?? ""
    seconds = number("seconds")
    bytesRead = number("bytesRead")
    bytesSpilled = number("bytesSpilled")
    bytesWritten = number("bytesWritten")
    bound = tree["bound"]?.text ?? ""
    nodes = (tree["segments"]?.list ?? []).compactMap { segment in
      guard let actual = segment["actual"] else { return nil }
      func seconds(_ key: String) -> Double { max(0, actual[key]?.number ?? 0) }
      return ReportedMerge.Node(
        name: segment["node"]?.text ?? "", count: segment["count"]?.number ?? 1,
        stages: (segment["stages"]?.list ?? []).map(\.text), busy: seconds("busy"),
        input: seconds("waitedForInput"), output: seconds("waitedForOutput"),
        memory: seconds("waitedForMemory"))
    }
  }
}
