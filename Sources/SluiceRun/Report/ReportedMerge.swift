internal import SluiceArchitecture
internal import SluiceCore
package import SluiceFormats
package import SluicePlan

/// What a merge's report says (`sluice-report.json`, version 1): read for pages, and to count again what
/// it does not say.
///
/// Counts are Doubles, exact up to 2^53: whatever a report says, adding up cannot overflow.
package struct ReportedMerge {
  /// A linear layer of a model.
  package struct Layer {
    package let name: String
    package let block: String
    package let linear: String
    package let elements: Double
    package let zeros: Double
    package let significance: Double
    package let rate: Double
    package let rates: [Double]
    /// How many deltas each ring holds, most severe first.
    package let kept: [Double]
    /// The magnitude at each partition's cut; nil where nothing is kept.
    package let thresholds: [Double?]
    package let tied: [Double]

    package var keptInAll: Double { kept.reduce(0, +) }
  }

  /// A fine-tuned model.
  package struct Model {
    package let name: String
    package let path: String
    package let weight: Double
    package let factors: [Double]
    package let requestedRate: Double?
    package let assignedRate: Double?
    package let achievedRate: Double?
    package let layers: [Layer]
  }

  /// The largest file that is read.
  private static let byteLimit = 256 << 20

  package let sluice: String
  package let base: String
  /// The values of the recipe that are shown, by name.
  package let recipe: [String: JSONTree]
  package let run: [String: JSONTree]
  package let totals: [String: JSONTree]
  package let models: [Model]
  /// How tensors were changed; none in reports of versions that did not measure it.
  package let changes: [ReportedChange]
  package let passes: [PlanExplanation.Pass]
  /// The hash of each tensor of the result.
  package let hashes: [String: String]
  package let warnings: [(kind: String, subject: String, message: String)]

  package var prune: String { recipe["prune"]?.text ?? "" }
  package var merging: String { recipe["merge"]?.text ?? "" }
  /// Whether what is kept of a layer follows from the cuts in the report.
  package var cutsByMagnitude: Bool { recipe["cutsByMagnitude"]?.flag ?? false }
  /// Whether elements elect a sign, so that models can be in conflict.
  package var electsSigns: Bool { recipe["electsSigns"]?.flag ?? false }
  package var tieBreak: String { recipe["tieBreak"]?.text ?? "" }
  package var partitionRates: [Double] {
    (recipe["partitionRates"]?.numbers ?? []).compactMap(\.self)
  }

  /// Reads a report.
  package init(_ path: String) throws {
    let tree = try JSONTree.read(path, byteLimit: ReportedMerge.byteLimit)
    guard tree["version"]?.number == 1 else {
      throw PipelineError.badInput(
        "not a report of a merge that this version reads (version 1)", file: path)
    }
    sluice = tree["sluice"]?.text ?? ""
    recipe = tree["plan"]?["recipe"]?.members ?? [:]
    run = tree["plan"]?["run"]?.members ?? [:]
    totals = tree["totals"]?.members ?? [:]
    base = recipe["base"]?.text ?? ""
    models = (tree["models"]?.list ?? []).map(Model.init)
    changes = (tree["changes"]?.list ?? []).map(ReportedChange.init)
    passes = tree["explanation"].map { PlanExplanation($0).passes } ?? []
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
  init(_ tree: JSONTree) {
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
  init(_ tree: JSONTree) {
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
