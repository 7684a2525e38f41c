internal import SluiceCore
internal import SluiceMethods
internal import SluicePlan
package import SluiceRecipe
internal import SluiceStages

extension PruneRun.Request {
  /// Asks for the smallest store of a model that serves a recipe, whatever its factors are; nil if
  /// nothing less than the model would do, or that is not known for sure.
  package init?(serving recipe: MergeRecipe, model position: Int) {
    let (model, method) = (recipe.models[position], recipe.method)
    guard method.passes.contains(.survey), recipe.stages.transforms(after: .delta).isEmpty,
      let reach = recipe.maxRateShift, model.pruningRate == nil,
      recipe.method.extraTensors != .copy
    else { return nil }
    guard method.pruningRate.value > reach else { return nil }
    self.init(base: recipe.base, model: model.path, pruningRate: method.pruningRate)
    adapters = model.adapters
    adapterRounding = recipe.method.loraRounding
    expertPacking = recipe.method.loraExperts
    maxRateDeviation = reach
    linearSet = recipe.linearSet
    extraTensors = recipe.method.extraTensors
  }
}
