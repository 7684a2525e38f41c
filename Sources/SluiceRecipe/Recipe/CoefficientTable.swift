package import SluiceCore
internal import SluiceFormats
package import SluiceStages

/// The coefficients of AdaMerging: one for each model, or for each tensor of a model.
///
///     {"math": 0.31, "law": {"default": 0.3, "tensors": {"model.norm.weight": 0.27}}}
///
/// A coefficient outside 0 ... 1 is clamped, as learning does on every step.
package struct CoefficientTable: FactorSource, Sendable {
  struct Model: Sendable {
    var common: Double?
    var tensors: [String: Double] = [:]
  }

  private let models: [Model]
  package let warnings: [Warning]

  package static func read(_ path: String, models names: [String]) throws -> CoefficientTable {
    let read = try JSONTable.read(path) { scanner throws(FormatError) in
      var models: [String: Model] = [:]
      try scanner.beginObject()
      while let key = try scanner.nextKey() {
        let name = scanner.string(of: key)
        guard models.updateValue(try model(&scanner), forKey: name) == nil else {
          throw scanner.twice(name)
        }
      }
      return models
    }
    for key in read.keys where !names.contains(key) { throw NumberTable.unknown(key, path) }
    var models: [Model] = []
    var warnings: [Warning] = []
    for name in names {
      guard var model = read[name] else {
        throw NumberTable.problem("there are no coefficients for model \(name.printable)", path)
      }
      let values = model.tensors.values + [model.common].compactMap(\.self)
      guard values.allSatisfy(\.isFinite) else {
        throw NumberTable.problem("a coefficient of model \(name.printable) is not finite", path)
      }
      let outside = values.count { $0 < 0 || $0 > 1 }
      if outside > 0 {
        warnings.append(
          Warning(
            .clampedRate, subject: Subject(model: name, file: path),
            message: "\(outside) coefficients lie outside 0 ... 1; they were clamped"))
      }
      model.common = model.common.map(clamp)
      model.tensors = model.tensors.mapValues(clamp)
      models.append(model)
    }
    return CoefficientTable(models: models, warnings: warnings)
  }

  /// The coefficient of a tensor.
  package func factor(of task: TensorTask, model: Int) -> Float {
    let model = models[model]
    // A tensor that is not named has not been learned: it is left as the file's default says.
    return Float(model.tensors[task.name] ?? model.common ?? 0)
  }

  private static func clamp(_ value: Double) -> Double { min(max(value, 0), 1) }

  private static func model(_ scanner: inout JSONScanner) throws(FormatError) -> Model {
    guard try scanner.kind() == .object else { return Model(common: try scanner.double()) }
    var model = Model()
    try scanner.beginObject()
    while let key = try scanner.nextKey() {
      if scanner.text(key, equals: "default") {
        model.common = try scanner.double()
      } else if scanner.text(key, equals: "tensors") {
        try scanner.beginObject()
        while let key = try scanner.nextKey() {
          let tensor = scanner.string(of: key)
          guard model.tensors.updateValue(try scanner.double(), forKey: tensor) == nil else {
            throw scanner.twice(tensor)
          }
        }
      } else {
        try scanner.skipValue()
      }
    }
    return model
  }
}
