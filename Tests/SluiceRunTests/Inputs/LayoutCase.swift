import SluiceCore
import SluiceMethods
import SluiceRecipe
import SluiceStages
import SluiceTestSupport

/// Tensors in other layouts, and what methods read beside models.
enum LayoutCase {
  /// The transpose of a matrix.
  static func transpose(_ tensor: TinyTensor) -> TinyTensor {
    let (rows, columns) = (tensor.shape.dimensions[0], tensor.shape.dimensions[1])
    let width = tensor.bytes.count / max(tensor.shape.elementCount, 1)
    var bytes: [UInt8] = []
    for column in 0..<columns {
      for row in 0..<rows {
        let start = (row * columns + column) * width
        bytes += tensor.bytes[start..<start + width]
      }
    }
    guard let shape = TensorShape([columns, rows]) else { return tensor }
    return TinyTensor(name: tensor.name, dtype: tensor.dtype, shape: shape, bytes: bytes)
  }

  /// Two matrices as outputs x inputs in one as inputs x outputs, their columns in turns or as halves.
  static func join(_ first: TinyTensor, _ second: TinyTensor, interleaved: Bool) -> [UInt8] {
    let (outputs, width) = (first.shape.dimensions[0], 2)
    let sides = [transpose(first).bytes, transpose(second).bytes]
    return (0..<first.shape.elementCount / outputs).flatMap { input -> [UInt8] in
      let rows = sides.map { $0[input * outputs * width..<(input + 1) * outputs * width] }
      guard interleaved else { return rows.flatMap { Array($0) } }
      return (0..<outputs).flatMap { output in
        rows.flatMap { row -> [UInt8] in
          let start = row.startIndex + output * width
          return Array(row[start..<start + width])
        }
      }
    }
  }

  /// Writes norms of inputs and Gram matrices for layers as outputs x inputs.
  static func writeFiles(_ layers: [TinyTensor], for model: String, in directory: ScratchDirectory)
    throws
  {
    var random = RepeatableGenerator(seed: Reference.fnv1a64(model.utf8))
    var (norms, grams): ([TinyTensor], [TinyTensor]) = ([], [])
    for layer in layers {
      let columns = layer.shape.dimensions[1]
      let means = (0..<columns).map { _ in 0.3 * random.gaussian() }
      var values: [Double] = []
      for row in 0..<columns {
        values += means.map { $0 * means[row] }
        values[row * columns + row] += 0.5 + random.uniform()
      }
      norms.append(
        TinyTensor(
          layer.name, .f32, values: (0..<columns).map { values[$0 * columns + $0].squareRoot() }))
      grams.append(TinyTensor(layer.name, .f64, [columns, columns], values: values))
    }
    try directory.write(TinyModel.safetensors(norms), to: "\(model)-activations.safetensors")
    try directory.write(TinyModel.safetensors(grams), to: "\(model)-grams.safetensors")
  }

  /// Chooses a method by name, with the files that it reads.
  static func choose(
    _ method: String, _ recipe: inout MergeRecipe, in directory: ScratchDirectory
  ) {
    let isMerging = method == "regmean"
    InputCase.prune(isMerging ? "none" : method, &recipe)
    if isMerging, let merging = MethodParameters.Merging(rawValue: method) {
      recipe.method.merging = merging
    }
    for index in recipe.models.indices {
      let name = recipe.models[index].name
      if method == "dppa" { recipe.models[index].amplification = [2, 1.5] }
      if method == "wanda" {
        recipe.models[index].extraFiles[.activations] =
          directory("\(name)-activations.safetensors")
      }
      if method == "regmean" || method == "sparsegpt" {
        recipe.models[index].extraFiles[.grams] = directory("\(name)-grams.safetensors")
      }
    }
  }
}
