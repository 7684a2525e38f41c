internal import SluiceAdapters
internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import SluiceMethods
internal import SluiceRecipe
internal import SluiceStages

/// Finds for every tensor of the merged model what each model has to give, and checks that it fits:
/// names, shapes, dtypes (C1, C2, C13, C14 of the specification).
struct TensorMatcher {
  /// The tensors of a model that go with the base's, and where its files are among all.
  private struct Peers {
    let tensors: [CheckpointTensor]
    let firstFile: Int
  }

  let rules: TensorRules
  let base: SourceModel
  let models: [SourceModel]
  var warnings: [Warning] = []
  var untiesHead = false
  /// What adapters add to tensors; a position is the number of the deltas.
  var computed: [AdapterTensor] = []
  /// The stack whose layer is being matched, and where the layer lies in it.
  var place: StackPlace?
  /// Why tensors are taken for their parts: a few texts, kept once.
  var reasons: Set<String> = []
  /// For each model, the tensors that it does not have.
  var absent: [[String]]
  /// For each model, whether its tensors are named as the base's, one after the other.
  let isNamedAsBase: [Bool]
  /// For each model whose tensors go with the base's one after the other, as they are: those.
  private let peers: [Peers?]
  /// Which rows stand for the same tokens, if that is asked for.
  var vocabulary: VocabularyMatch?
  /// The tokens of the merged model, if a recipe says whose they are.
  private(set) var alignment: RowAlignment?

  init(rules: TensorRules, base: SourceModel, models: [SourceModel]) {
    self.rules = rules
    self.base = base
    self.models = models
    absent = Array(repeating: [], count: models.count)
    isNamedAsBase = models.map { $0.catalog.isNamed(like: base.catalog) }
    peers = zip(models, isNamedAsBase).map { model, isNamedAsBase in
      let isPlain = model.terms.isEmpty && model.catalog.isPlain && base.catalog.isPlain
      return isNamedAsBase && isPlain
        ? Peers(tensors: model.catalog.tensors, firstFile: model.firstFile) : nil
    }
  }

  /// All tensors of the merged model.
  mutating func drafts() throws -> [TensorDraft] {
    for (model, isNamedAsBase) in zip(models, isNamedAsBase)
    where model.store == nil && !model.isAdapterAlone && !model.hasGaps && !isNamedAsBase {
      try NameCheck.check(model, base: base, rules)
    }
    for model in [base] + models {
      if let warning = try HeadCheck.warning(model) { warnings.append(warning) }
    }
    if let tokens = rules.tokens {
      let found = try RowAlignment(tokens, base: base, models: models)
      alignment = found
    } else if rules.vocabulary == .match {
      let match = try VocabularyMatch(base: base, models: models)
      warnings += match.warnings
      vocabulary = match
    }
    var drafts = try baseDrafts()
    if let head = try addedHead() { drafts.append(head) }
    drafts += try extraTensors()
    warnings += alignment?.warnings ?? []
    warnAboutAbsentTensors()
    warnAboutMixedDTypes()
    try checkRows(drafts)
    try checkAdapters(drafts)
    return drafts
  }

  /// The part of a tensor, or of a layer of a stack, once the rules' patterns have been heard.
  func part(
    _ tensor: CheckpointTensor, _ name: String, _ stack: CheckpointTensor?, _ known: TensorPart?
  ) -> TensorPart {
    let shape = tensor.entry.shape
    guard let stack, let known else {
      var own = known ?? base.catalog.part(of: tensor)
      // An embedding that plays the part of a head is one.
      if HeadNames.isHead(name) { own = TensorPart(.head, "its name says head") }
      return rules.linearSet.adjusted(own, name: name, shape: shape)
    }
    var layer = rules.linearSet.adjusted(known, name: stack.name, shape: stack.entry.shape)
    layer = rules.linearSet.adjusted(layer, name: name, shape: shape)
    layer.matrixCount = 1
    return layer
  }

  mutating func draft(
    of tensor: CheckpointTensor, named name: String, _ named: CheckpointTensor? = nil,
    in stack: CheckpointTensor? = nil, _ known: TensorPart? = nil, at position: Int? = nil
  ) throws -> TensorDraft {
    let (shape, dtype) = (tensor.entry.shape, tensor.entry.dtype)
    var part = part(named ?? tensor, name, stack, known)
    if part.reason != known?.reason {
      part.reason = reasons.insert(part.reason).memberAfterInsert
    }
    if part.kind == .packed { throw packed(base, tensor, part) }
    if !dtype.isMergeable || part.kind == .rotary {
      let isAdapted = models.contains { !$0.terms(for: name, base: base).isEmpty }
      if part.isLinear || isAdapted || (dtype.isFloatingPoint && !dtype.isMergeable) {
        throw unmergeable(base, tensor)
      }
      try checkBuffers(tensor, part)
      return copy(of: tensor, named: name, part, in: base)
    }
    let rows = stack == nil ? try alignment?.rows(of: tensor, name, part, base: base) : nil
    if rows == nil, rules.copiesBase, tensor.entry.packed == nil,
      (rules.outputDType ?? dtype) == dtype, (rules.workingDType ?? dtype) == dtype
    {
      return copy(of: tensor, named: name, part, in: base)
    }
    if dtype == .f64 { warnAboutF64(base, tensor) }
    let written = rules.outputDType ?? (tensor.entry.packed == nil ? dtype : .bf16)
    let role = role(of: part)
    if role == .converted, tensor.entry.packed == nil, written == dtype,
      part.kind != .router || rules.routers != .first
    {
      return copy(of: tensor, named: name, part, in: base)
    }
    let result = TensorDraft(
      name: name, role: role, part: part, shape: shape, outputDType: written,
      base: base.source(tensor), modelCount: models.count)
    if role == .converted {
      if part.kind == .router, rules.routers == .first { try takeFirst(result, shape) }
      return result
    }
    if let rows {
      rows.fill(result)
      // What a model lacks is noted, or refused.
      for model in models.indices
      where result.fineTuned[model] == nil && !models[model].isAdapterAlone {
        try match(model, result, baseShape: shape)
      }
    } else {
      for model in models.indices where !takePeer(of: position, in: model, result) {
        try match(model, result, baseShape: shape)
      }
    }
    if rules.promotesOutput {
      result.outputDType = WorkingType.promoted(
        ([result.base] + result.fineTuned).compactMap { $0?.storedDType })
    }
    return result
  }

  /// Takes the tensor of a model that stands where the base's does; false unless nothing is to be asked about it.
  private func takePeer(of position: Int?, in model: Int, _ draft: TensorDraft) -> Bool {
    guard let position, vocabulary == nil, let peers = peers[model] else { return false }
    let tensor = peers.tensors[position]
    let entry = tensor.entry
    guard entry.shape == draft.shape, entry.dtype.isMergeable, entry.dtype != .f64 else {
      return false
    }
    draft.fineTuned[model] = SourceModel.source(tensor, firstFile: peers.firstFile)
    draft.fineTunedElementCounts[model] = entry.shape.elementCount
    return true
  }

  /// What is done with a part.
  func role(of part: TensorPart) -> TensorRole {
    if part.isLinear { return .linear }
    if part.kind == .router {
      switch rules.routers {
      case .merge: break
      case .average: return .averaged
      case .base, .first: return .converted
      }
    }
    return rules.nonLinear == .base ? .converted : .dense
  }

  /// The first model's own weights in the place of the base's.
  mutating func takeFirst(_ draft: TensorDraft, _ shape: TensorShape) throws {
    try match(0, draft, baseShape: shape)
    if let own = draft.fineTuned[0] {
      guard own.computed == nil else {
        throw PipelineError.mismatch(
          model: models[0].name, file: models[0].checkpoint.path, tensor: draft.name,
          "an adapter changes this router, and the first model's routers are to be taken",
          remedy: "--routers merge adds what it changes.")
      }
      draft.base = own
    }
    draft.fineTuned = Array(repeating: nil, count: models.count)
    draft.fineTunedElementCounts = Array(repeating: 0, count: models.count)
  }

  func copy(
    of tensor: CheckpointTensor, named name: String, _ part: TensorPart, in model: SourceModel
  ) -> TensorDraft {
    let entry = tensor.entry
    return TensorDraft(
      name: name, role: entry.packed == nil ? .copied : .converted, part: part,
      shape: entry.shape,
      outputDType: entry.packed == nil ? entry.dtype : rules.outputDType ?? .bf16,
      base: model.source(tensor), modelCount: models.count)
  }
}
