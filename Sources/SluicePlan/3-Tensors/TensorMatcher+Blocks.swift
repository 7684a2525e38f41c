internal import SluiceArchitecture
internal import SluiceDataflow
internal import SluiceFormats
internal import SluiceStages

/// The tensors of the base, many at a time: to look at ten thousands of names takes its while.
extension TensorMatcher {
  /// The tensors of the merged model that the base has, in its order.
  mutating func baseDrafts() throws -> [TensorDraft] {
    let (count, blockLength) = (base.catalog.tensors.count, 1024)
    // What adapters add is numbered from the first tensor on, and rows of tokens are looked up once for all.
    guard count > blockLength, alignment == nil, models.allSatisfy(\.terms.isEmpty) else {
      return try drafts(0..<count)
    }
    var matcher = self
    matcher.warnings = []
    // Safety: without an alignment all in it are values, and each block changes a copy.
    nonisolated(unsafe) let empty = matcher
    let blocks = try Graph.map(
      Array(stride(from: 0, to: count, by: blockLength)), "match", threads: 2
    ) { start in
      var own = unsafe empty
      let drafts = Result { try own.drafts(start..<min(start + blockLength, count)) }
      return (drafts, own.warnings, own.absent)
    }
    var all: [TensorDraft] = []
    all.reserveCapacity(count)
    for (drafts, warnings, absent) in blocks {
      all += try drafts.get()
      self.warnings += warnings
      for model in absent.indices { self.absent[model] += absent[model] }
    }
    return all
  }

  /// Those of some of the base's tensors.
  private mutating func drafts(_ positions: Range<Int>) throws -> [TensorDraft] {
    var drafts: [TensorDraft] = []
    drafts.reserveCapacity(positions.count)
    var finder = PartFinder(base.catalog.architecture)
    for position in positions {
      let tensor = base.catalog.tensors[position]
      let part = finder.part(of: tensor.description)
      guard let stack = base.catalog.stack(tensor.name) else {
        drafts.append(try draft(of: tensor, part, at: position))
        continue
      }
      for index in 0..<stack.layerCount {
        guard let layer = base.catalog.layer(index, of: tensor.name) else { continue }
        place = StackPlace(
          tensor: tensor.name, index: index, count: stack.layerCount, shape: tensor.entry.shape,
          layout: stack.layout)
        defer { place = nil }
        let draft = try draft(of: layer, named: layer.name, in: tensor, part)
        draft.stack = place
        drafts.append(draft)
      }
    }
    return drafts
  }

  /// That of a tensor which is no stack.
  private mutating func draft(
    of tensor: CheckpointTensor, _ part: TensorPart, at position: Int
  ) throws -> TensorDraft {
    let name = base.catalog.canonicalName(tensor.name)
    let isAsItIs =
      base.catalog.isPlain && name == tensor.name && !HeadNames.isHead(tensor.name)
    let draft = try draft(
      of: isAsItIs ? tensor : base.tensor(tensor.name) ?? tensor, named: name, tensor, part,
      at: isAsItIs ? position : nil)
    let layout = base.catalog.layout(tensor.name)
    if name != tensor.name || layout != nil {
      draft.stack = StackPlace(
        tensor: tensor.name, index: 0, count: 1, shape: tensor.entry.shape, layout: layout)
    }
    return draft
  }
}
