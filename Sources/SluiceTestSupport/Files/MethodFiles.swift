internal import SluiceCore

extension ModelFamily {
  /// Writes what some methods read beside the models, under the names that `sluice demo` gives it:
  /// `NAME-activations.safetensors` and `NAME-grams.safetensors` for each model, `losses.json`,
  /// `coefficients.json` and `scores.json` for all.
  package func writeMethodFiles(
    seed: UInt64, to directory: ScratchDirectory, under path: String
  ) throws {
    var random = RepeatableGenerator(seed: seed)
    for tuned in fineTuned {
      var activations: [TinyTensor] = []
      var grams: [TinyTensor] = []
      for tensor in base.unstacked.tensors
      where Reference.isLinear(name: tensor.name, rank: tensor.shape.dimensions.count) {
        let columns = tensor.shape.dimensions.last ?? 0
        // Inputs that are independent but for their means, so that nothing has to be multiplied.
        let means = (0..<columns).map { _ in 0.3 * random.gaussian() }
        let variances = (0..<columns).map { _ in 0.5 + random.uniform() }
        var values: [Double] = []
        for row in 0..<columns {
          values += means.map { $0 * means[row] }
          values[row * columns + row] += variances[row]
        }
        let norms = (0..<columns).map { values[$0 * columns + $0].squareRoot() }
        activations.append(TinyTensor(tensor.name, .f32, values: norms))
        grams.append(TinyTensor(tensor.name, .f64, [columns, columns], values: values))
      }
      let name = "\(path)/\(tuned.name)"
      try directory.write(
        TinyModel.safetensors(activations), to: "\(name)-activations.safetensors")
      try directory.write(TinyModel.safetensors(grams), to: "\(name)-grams.safetensors")
    }
    let names = fineTuned.map(\.name)
    func object(_ value: (Int) -> String) -> String {
      "{" + names.indices.map { "\"\(names[$0])\": \(value($0))" }.joined(separator: ", ") + "}"
    }
    try directory.write(object { "\(1.5 + 0.25 * Double($0))" }, to: "\(path)/losses.json")
    let own = base.tensors.first.map(\.name) ?? ""
    let coefficients = object { model in
      "{\"default\": \(0.4 - 0.1 * Double(model)), \"tensors\": {\"\(own)\": 0.2}}"
    }
    try directory.write(coefficients, to: "\(path)/coefficients.json")
    // Each model that joins makes the soup a little better.
    var scores = names.indices.map { "\"\(names[$0])\": \(0.6 - 0.01 * Double($0))" }
    for count in names.indices.dropFirst() {
      let soup = names[...count].joined(separator: "+")
      scores.append("\"\(soup)\": \(0.6 + 0.01 * Double(count))")
    }
    try directory.write("{" + scores.joined(separator: ", ") + "}", to: "\(path)/scores.json")
  }
}
