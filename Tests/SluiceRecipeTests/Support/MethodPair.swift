import SluiceMethods
import SluiceTestSupport
import Testing

/// A pruning and a merging that go together, written in all three ways with something said of
/// everything that both can be told.
struct MethodPair: CustomTestStringConvertible, Sendable {
  let prune: PruneMethod
  let merge: MergeMethod

  var testDescription: String { "\(prune.name) > \(merge.name)" }

  /// All pairs that the table allows: what solves for models takes them as they are.
  static let all = PruneMethod.table.flatMap { prune in
    MergeMethod.table.map { MethodPair(prune: prune, merge: $0) }
  }.filter { $0.prune.bands == .none || $0.merge.possiblePasses.isDisjoint(with: PassKind.solving) }

  /// Each pruning and each merging once, as far as there are as many.
  static let some = [
    ("dppa", "ties"), ("dp", "sum"), ("magnitude", "average"), ("owl", "lm-cocktail"),
    ("dare", "adamerging"), ("wanda", "adamerging++"), ("none", "regmean"),
    ("sparsegpt", "greedy-soup"), ("none", "own-regmean"),
  ].compactMap { names in all.first { $0.prune.name == names.0 && $0.merge.name == names.1 } }

  private var knowsWeights: Bool { merge.modelParameters.contains(.weight) }
  private var files: [MethodInputFile] {
    let all = prune.files.needed + merge.files.needed + merge.files.optional
    return MethodInputFile.allCases.filter { all.contains($0) && !($0 == .losses && knowsWeights) }
  }

  private func path(_ file: MethodInputFile, _ model: String) -> String {
    file.isOfModel
      ? "models/files/\(model)-\(file.rawValue).safetensors" : "models/files/\(file.rawValue).json"
  }

  /// The flags of `sluice merge`.
  var flags: [String] {
    var flags = ["--base", "models/base", "--model", "math=models/math"]
    flags += ["--model", "law=models/law", "--prune", prune.name, "--merge", merge.name]
    flags += ["--merge-scale", "0.75", "--nonlinear", "average"]
    if prune.drawsMasks { flags += ["--seed", "9"] }
    if prune.bands != .none { flags += ["--density", "0.4"] }
    if prune.bands == .partitions { flags += ["--amplify", "math=1.5,1.25"] }
    if knowsWeights { flags += ["--weight", "law=0.5", "--weight", "math=0.25"] }
    for file in files {
      for model in file.isOfModel ? ["math", "law"] : ["math"] {
        flags += [file.option, (file.isOfModel ? "\(model)=" : "") + path(file, model)]
      }
    }
    return flags
  }

  /// The method form: named by the pruning where there is one, so that both kinds of names are used.
  var methodForm: String {
    let isNamedByPruning = prune.bands != .none && !["dppa", "dp"].contains(prune.name)
    let name = isNamedByPruning ? prune.name : merge.name
    let other = isNamedByPruning ? "merge: \(merge.name)" : "prune: \(prune.name)"
    var common = [other, "merge-scale: 0.75", "nonlinear: average"]
    if prune.drawsMasks { common.append("seed: 9") }
    if prune.bands != .none { common.append("density: 0.4") }
    var own = ["math": [String](), "law": []]
    if prune.bands == .partitions { own["math"]?.append("amplify: [1.5, 1.25]") }
    if knowsWeights {
      own["math"]?.append("weight: 0.25")
      own["law"]?.append("weight: 0.5")
    }
    for file in files {
      guard file.isOfModel else {
        common.append("\(file.rawValue): \(path(file, ""))")
        continue
      }
      for model in ["math", "law"] { own[model]?.append("\(file.rawValue): \(path(file, model))") }
    }
    let models = ["math", "law"].map { model in
      "  - model: models/\(model)\n    parameters: {\(own[model, default: []].joined(separator: ", "))}\n"
    }
    return "merge_method: sluice-\(name)\nbase_model: models/base\nmodels:\n" + models.joined()
      + "parameters: {\(common.joined(separator: ", "))}\n"
  }

  /// The chain form.
  var chainForm: String {
    var mask = ["by: \(prune.name)"]
    if prune.drawsMasks { mask.append("seed: 9") }
    var operation = ["operator: \(merge.name)", "scale: 0.75", "nonlinear: average"]
    if knowsWeights { operation.append("weights: {law: 0.5, math: 0.25}") }
    for file in files {
      let text =
        file.isOfModel
        ? "\(file.rawValue): {math: \(path(file, "math")), law: \(path(file, "law"))}"
        : "\(file.rawValue): \(path(file, ""))"
      if prune.files.needed.contains(file) { mask.append(text) } else { operation.append(text) }
    }
    let rate = prune.bands == .none ? "" : ": {pruning-rate: 0.6}"
    let amplify = prune.bands == .partitions ? "  - amplify: {math: [1.5, 1.25]}\n" : ""
    return """
      base: models/base
      models: {math: models/math, law: models/law}
      stages:
        - read
        - delta
        - assign-rates\(rate)
        - mask: {\(mask.joined(separator: ", "))}
      \(amplify)  - merge: {\(operation.joined(separator: ", "))}
        - write

      """
  }
}
