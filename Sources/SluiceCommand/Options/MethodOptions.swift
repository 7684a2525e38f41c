internal import ArgumentParser
internal import SluiceCore
internal import SluiceKernels
internal import SluiceMethods
internal import SluicePipeline
internal import SluiceRecipe
internal import SluiceStages

/// The options that only some methods know (`sluice methods` says which).
struct MethodOptions: ParsableArguments {
  @Option(help: "What counts as significance; what the rate rule counts if not given.")
  var significance: SignificanceMeasure?

  @Option(help: "Whether rates' shifts are stretched so that the largest is the one allowed.")
  var deviationScale: Switch = .on

  @Option(help: "Whether rates are moved so that, clamped, they average to the one asked for.")
  var rebalance: Switch = .off

  @Option(help: "What the weighted sum of significances is divided by.")
  var denominator: MethodParameters.Denominator = .linear

  @Option(help: "How the rates of owl follow from shares of outliers.")
  var owlNorm: OutlierRates.Normalisation = .maxabs

  @Option(help: "What makes up for deltas that dare drops.")
  var rescale: Rescale = .inverse

  @Option(help: "Which tensors dare prunes.")
  var scope: TransformScope = .all

  @Option(help: "What dare's masks are drawn from.")
  var seed: UInt64 = 0

  @Option(help: "Which version of TIES.")
  var tiesFlavor: TiesFlavor = .plain

  @Option(help: "The fraction that TIES itself leaves; 0.2 for original, 1 for mergekit.")
  var tiesDensity: Double?

  @Option(help: "The sign that a sum of zero elects; majority for original, else positive.")
  var zeroSign: ZeroSignRule?

  @Option(help: "What becomes of deltas that have the elected sign.")
  var tiesAggregation: TiesAggregation = .mean

  @Option(help: "How far losses tell models apart in lm-cocktail: higher means less.")
  var temperature = 5.0

  @Option(
    help: ArgumentHelp("Norms of a model's inputs, for wanda.", valueName: "name=file"))
  var activations: [NamedValue] = []

  @Option(
    help: ArgumentHelp(
      "Gram matrices of a model's inputs, for sparsegpt and regmean.", valueName: "name=file"))
  var grams: [NamedValue] = []

  @Option(help: "Whether sparsegpt removes weights or deltas.")
  var target: MethodParameters.SolveTarget = .weights

  @Option(help: "What sparsegpt adds to the diagonal, as a share of its mean.")
  var dampening = 0.01

  @Option(help: "What regmean multiplies elements off the diagonal by.")
  var offDiagonal = 0.9

  @Option(
    help: ArgumentHelp("Losses of the models, for lm-cocktail.", valueName: "file"))
  var losses: String?

  @Option(
    help: ArgumentHelp("Coefficients of models or tensors, for adamerging.", valueName: "file"))
  var coefficients: String?

  @Option(
    help: ArgumentHelp("Scores of models and soups, for greedy-soup.", valueName: "file"))
  var scores: String?

  /// Sets what the options say of the method.
  func apply(to method: inout MethodParameters) {
    method.significance = significance
    method.scalesDeviations = deviationScale == .on
    method.rebalancesRates = rebalance == .on
    method.denominator = denominator
    method.owlNormalisation = owlNorm
    method.rescale = rescale
    method.maskScope = scope
    method.seed = seed
    method.tiesFlavor = tiesFlavor
    method.tiesDensity = tiesDensity
    method.zeroSign = zeroSign
    method.tiesAggregation = tiesAggregation
    method.temperature = temperature
    method.solveTarget = target
    method.dampening = dampening
    method.offDiagonal = offDiagonal
  }

  /// The files of all models together.
  var files: [MethodInputFile: String] {
    let files: [(MethodInputFile, String?)] = [
      (.losses, losses), (.coefficients, coefficients), (.scores, scores),
    ]
    return files.reduce(into: [:]) { $0[$1.0] = $1.1 }
  }

  /// The files of single models.
  var modelFiles: [(file: MethodInputFile, value: NamedValue)] {
    activations.map { (.activations, $0) } + grams.map { (.grams, $0) }
  }
}

/// On or off.
enum Switch: String, CaseIterable, ExpressibleByArgument {
  case on, off
}
