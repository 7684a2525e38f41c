package import SluiceArchitecture
package import SluiceCore
package import SluiceMethods
internal import SluiceFormats
package import SluiceRecipe
package import SluiceStages

/// Which models' tensors a run is about, and what becomes of those that do not fit.
package struct TensorRequest: Sendable {
  /// A fine-tuned model.
  package struct Model: Sendable {
    /// What it is called in messages.
    package var name: String
    /// Its directory, file or store.
    package var path: String
    /// The adapters that are added to what lies there, in order.
    package var adapters: [MergeRecipe.Adapter]
    /// Where its layers come from, if not all from there.
    package var layers: [LayerSource]

    package init(
      name: String, path: String, adapters: [MergeRecipe.Adapter] = [], layers: [LayerSource] = []
    ) {
      self.name = name
      self.path = path
      self.adapters = adapters
      self.layers = layers
    }
  }

  /// The directory or file of the base model.
  package var base: String
  /// Where its layers come from, if not all from there.
  package var baseLayers: [LayerSource] = []
  /// The fine-tuned models.
  package var models: [Model]
  /// What becomes of tensors that do not fit.
  package var rules: TensorRules

  package init(base: String, models: [Model], rules: TensorRules) {
    self.base = base
    self.models = models
    self.rules = rules
  }

  /// The same with names of the hub replaced by where their models lie in its cache.
  package func resolvingHubNames() throws -> TensorRequest {
    var request = self
    do throws(FormatError) {
      request.base = try HubCache.resolve(base)
      request.baseLayers = try baseLayers.map(resolve)
      request.rules.tokens = try rules.tokens?.mapPaths { path throws(FormatError) in
        try HubCache.resolve(path)
      }
    } catch {
      throw error.about(model: "base")
    }
    for index in models.indices {
      do throws(FormatError) {
        request.models[index].path = try HubCache.resolve(models[index].path)
        request.models[index].layers = try models[index].layers.map(resolve)
        for number in models[index].adapters.indices {
          request.models[index].adapters[number].path = try HubCache.resolve(
            models[index].adapters[number].path)
        }
      } catch {
        throw error.about(model: models[index].name)
      }
    }
    return request
  }

  private func resolve(_ source: LayerSource) throws(FormatError) -> LayerSource {
    guard !source.isGap else { return source }
    return LayerSource(path: try HubCache.resolve(source.path), layers: source.layers)
  }

  /// One warning for each model that lies where another does.
  package var warnings: [Warning] {
    func resolved(_ path: String) -> String { (try? Directory.resolve(path)) ?? path }
    func parts(_ layers: [LayerSource]) -> String {
      layers.map { "\u{0}\(resolved($0.path)) \($0.layers)" }.joined()
    }
    var paths: [String: String] = [resolved(base) + parts(baseLayers): "base"]
    return models.compactMap { model in
      let adapters =
        model.adapters.map { "\u{0}\(resolved($0.path)) \($0.scale)" }.joined()
        + parts(model.layers)
      guard let other = paths.updateValue(model.name, forKey: resolved(model.path) + adapters),
        other != model.name
      else { return nil }
      return Warning(
        .oddInput, subject: Subject(model: model.name, file: model.path),
        message: "the same checkpoint as model \(other)")
    }
  }
}

/// Whose tokens a merged model has, and what its models are.
package struct TokenRules: Sendable, Hashable {
  /// The tokens.
  package var vocabulary: StepVocabulary
  /// The inputs, in the order in which they are listed.
  package var inputs: [StepInput]
  /// The type that means of rows are rounded to; that of the models' tensors if nil.
  package var working: DType?

  /// The same with paths replaced.
  package func mapPaths<E: Error>(_ change: (String) throws(E) -> String) throws(E) -> TokenRules {
    TokenRules(
      vocabulary: try vocabulary.mapPaths(change), inputs: inputs, working: working)
  }
}

/// What becomes of tensors: which are pruned, which are merged, and what of those that not all models
/// have alike.
package struct TensorRules: Sendable, Hashable {
  /// Which tensors are linear layers.
  package var linearSet = LinearSet()
  /// What becomes of tensors that are no linear layers.
  package var nonLinear = MethodParameters().nonLinear
  /// What becomes of the routers of experts.
  package var routers = MethodParameters().routers
  /// What becomes of tensors that a model lacks.
  package var absent = MethodParameters().absent
  /// What becomes of tensors that the base lacks.
  package var extraTensors = MethodParameters().extraTensors
  /// What becomes of embeddings and heads with other numbers of rows.
  package var vocabulary = MethodParameters().vocabulary
  /// The type that is written; the base's if nil.
  package var outputDType: DType?
  /// Whether a tensor is written in the smallest type that holds those of all models, where none is said.
  package var promotesOutput = false
  /// Whether the base's bytes are what comes out, where its type is the one that is written and, if one is
  /// said, the one that is computed in.
  package var copiesBase = false
  /// The type that is computed in, if one is said.
  package var workingDType: DType?
  /// Whose tokens the merged model has, if a recipe says it; rows are then made anew.
  package var tokens: TokenRules?
  /// The most bytes of a file of the output.
  package var shardSize = MethodParameters().shardSize
  /// How products of adapters' factors are rounded.
  package var loraRounding = MethodParameters().loraRounding
  /// How adapters' factors of stacked experts are packed.
  package var loraExperts = MethodParameters().loraExperts
  /// `OLD=NEW`: what names begin with, and what they are to begin with.
  package var renames: [String] = []

  package init() {}
}

extension MergeRecipe {
  /// Which tensors the merge is about.
  var tensorRequest: TensorRequest {
    var rules = TensorRules()
    rules.linearSet = linearSet
    rules.nonLinear = method.nonLinear
    rules.routers = method.routers
    rules.absent = method.absent
    rules.extraTensors = method.extraTensors
    rules.vocabulary = method.vocabulary
    rules.outputDType = method.outputDType
    if let steps {
      rules.outputDType = steps.fixedOutputDType
      rules.promotesOutput = rules.outputDType == nil
      rules.copiesBase = steps.passesThrough
      rules.workingDType = steps.dtype
      rules.tokens = steps.vocabulary.map {
        TokenRules(
          vocabulary: $0, inputs: steps.inputs,
          working: steps.rounding == .once ? .f32 : steps.dtype)
      }
      if rules.tokens != nil { rules.vocabulary = .match }
    }
    rules.shardSize = method.shardSize
    rules.renames = method.renames
    rules.loraRounding = method.loraRounding
    rules.loraExperts = method.loraExperts
    var request = TensorRequest(
      base: base,
      models: models.map {
        TensorRequest.Model(
          name: $0.name, path: $0.path, adapters: $0.adapters, layers: $0.layers)
      }, rules: rules)
    request.baseLayers = baseLayers
    return request
  }
}
