internal import SluiceCore
internal import SluiceFormats
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceStages

/// What the adapters of a model changed.
package struct AdapterReport: Sendable, Hashable {
  /// One adapter.
  package struct Adapter: Sendable, Hashable {
    /// The directory.
    package let path: String
    /// What its deltas were multiplied by.
    package let scale: Double
    /// How many tensors of the base it has something for.
    package let tensorCount: Int
  }

  /// The adapters, in order.
  package let adapters: [Adapter]
  /// The Frobenius norm of the deltas, of all adapters of the model together.
  package let deltaNorm: Double
  /// The Frobenius norm of the base's weights under them.
  package let baseNorm: Double
  /// The tensors that an adapter has something for, and that stay as they are.
  package let unchangedTensors: [String]

  /// The norm of the deltas by that of the base's weights; nil if those are zero.
  package var ratio: Double? { baseNorm > 0 ? deltaNorm / baseNorm : nil }

  /// Puts the sums of strips together; nil for a model without adapters.
  init?(_ plan: MergePlan, model: Int, _ norms: DeltaNorms?) {
    let recipe = plan.recipe.models[model]
    guard !recipe.adapters.isEmpty, let norms else { return nil }
    adapters = zip(recipe.adapters, plan.tensors.adapters[model]).map { used, found in
      Adapter(path: used.path, scale: used.scale, tensorCount: found.tensorNames.count)
    }
    var (base, deltas) = (0.0, 0.0)
    var unchanged: [String] = []
    for task in plan.tasks where task.fineTuned[model]?.computed != nil {
      var own = 0.0
      for strip in plan.tensors.strips(of: task) {
        guard let sums = norms.sums(of: strip) else { continue }
        base += sums.base
        own += sums.models[model]
      }
      if own == 0 { unchanged.append(task.name) }
      deltas += own
    }
    deltaNorm = deltas.squareRoot()
    baseNorm = base.squareRoot()
    unchangedTensors = unchanged
  }

  /// What a user should know of it.
  func warnings(model: String) -> [Warning] {
    guard let first = unchangedTensors.first else { return [] }
    let count = unchangedTensors.count
    let tensors = count == 1 ? "1 tensor is" : "\(count) tensors, this one first, are"
    return [
      Warning(
        .unchangedTensor, subject: Subject(model: model, tensor: first),
        message: "\(tensors) changed by exactly nothing: the adapter's factors there are zero")
    ]
  }

  /// Writes what stands in reports.
  func write(to json: inout JSONWriter) {
    json.key("adapters")
    json.beginArray()
    for adapter in adapters {
      json.beginObject()
      json.member("path", .string(adapter.path))
      json.member("scale", .double(adapter.scale))
      json.member("tensors", .integer(adapter.tensorCount))
      json.endObject()
    }
    json.endArray()
    json.member("deltaNorm", .double(deltaNorm))
    json.member("baseNorm", .double(baseNorm))
  }
}
