internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceFormats
internal import SluiceStages

/// Which rows of the models' embeddings and heads stand for the tokens of the base's rows.
struct VocabularyMatch {
  /// The rows of one model.
  struct Rows: Sendable {
    /// For each row of the base the model's row of the same token, or -1.
    let rows: [Int32]
    /// How many ids the model's tokenizer knows.
    let idCount: Int
    /// The rows of the model's embedding; nil where no name says which tensor that is.
    let embeddingRows: Int?
    /// Whether every row is matched with itself.
    let isIdentity: Bool
  }

  /// The rows of each model; nil of a store or an adapter alone, which has the base's.
  private let models: [Rows?]
  private let baseIDCount: Int
  private let baseRows: Int?
  let warnings: [Warning]

  /// Reads the models' tokenizers and matches their tokens with the base's.
  ///
  /// Rows without a token (padding) go with the model's row of the same number, if that has none either.
  ///
  /// - Throws: If a model has no tokenizer that is read, or no token in common with the base.
  init(base: SourceModel, models: [SourceModel]) throws {
    let own = try VocabularyMatch.table(of: base)
    let rows = base.embeddingRows
    baseIDCount = own.tokens.count
    baseRows = rows
    let count = max(rows ?? 0, own.tokens.count)
    var warnings: [Warning] = []
    self.models = try models.map { model in
      guard model.store == nil, !model.isAdapterAlone else { return nil }
      let table = try VocabularyMatch.table(of: model)
      let ids = table.ids
      let limit = model.embeddingRows ?? table.tokens.count
      var (matched, lacking, padding) = (0, 0, 0)
      var taken = 0
      let found = (0..<count).map { row -> Int32 in
        let other = row < table.tokens.count ? table.tokens[row] : nil
        guard row < own.tokens.count, let token = own.tokens[row] else {
          guard other == nil, row < limit else { return -1 }
          padding += 1
          return Int32(row)
        }
        // A token that stands twice goes with its own row where it can.
        let id = other == token ? Int32(row) : ids[token] ?? -1
        guard id >= 0, Int(id) < limit else {
          lacking += 1
          return -1
        }
        matched += 1
        if Int(id) != row { taken += 1 }
        return id
      }
      guard matched > 0 else {
        throw PipelineError.mismatch(
          model: model.name, file: table.file, tensor: nil,
          "the tokenizer has no token in common with the base's",
          remedy: "Is this a fine-tune of that base? --vocabulary base merges row by row.")
      }
      let left = table.count - Set(own.tokens.compactMap(\.self)).intersection(ids.keys).count
      let isPoor = matched < own.count / 2
      warnings.append(
        Warning(
          isPoor ? .vocabulary : .matchedRows,
          subject: Subject(model: model.name, file: table.file),
          message:
            "\(matched) of the base's \(own.count) tokens are matched with the model's rows, "
            + "\(taken) of them with rows of another number; \(lacking) that the model does not have "
            + "count as unchanged, \(left) of its own are left out; \(padding) rows without a token go "
            + "with those of the same number"))
      return Rows(
        rows: found, idCount: table.tokens.count, embeddingRows: model.embeddingRows,
        isIdentity: found.indices.allSatisfy { Int(found[$0]) == $0 })
    }
    self.warnings = warnings
  }

  /// The rows of a model's tensor in the base's order.
  ///
  /// - Parameters:
  ///   - tensor: The model's tensor.
  ///   - ordinal: The position of the model.
  ///   - source: Where the tensor lies.
  ///   - base: What the merged model has of it.
  /// - Returns: The source; nil where the tensor has no rows of tokens, or they are the base's already.
  func source(
    of tensor: CheckpointTensor, in ordinal: Int, _ source: TensorSource, base: TensorDraft
  ) -> TensorSource? {
    guard let model = models[ordinal] else { return nil }
    let (shape, own) = (base.shape, tensor.entry.shape)
    guard
      let count = VocabularyMatch.tokenRows(
        shape, base.part, base.name, idCount: baseIDCount, embeddingRows: baseRows),
      let ownCount = VocabularyMatch.tokenRows(
        own, base.part, base.name, idCount: model.idCount, embeddingRows: model.embeddingRows),
      shape.elementCount / count == own.elementCount / ownCount
    else { return nil }
    if shape == own, model.isIdentity { return nil }
    // Rows beyond those of the embedding have no token.
    let rows = (0..<count).map { row in
      let found = row < model.rows.count ? model.rows[row] : -1
      return Int(found) < ownCount ? found : -1
    }
    return TensorSource(
      MatchedRows(
        rows == model.rows ? model.rows : rows, columnCount: shape.elementCount / count,
        own: source, base: base.base))
  }

  /// How many rows of tokens a tensor has; nil if its rows are something else.
  static func tokenRows(
    _ shape: TensorShape, _ part: TensorPart, _ name: String, idCount: Int, embeddingRows: Int?
  ) -> Int? {
    guard shape.elementCount > 0, !BlockName.isInBlock(name) else { return nil }
    let rows: Int
    switch part.kind {
    case .embedding, .head, .outside: rows = shape.dimensions[0]
    // A bias of the head has one number for each token, also as [1, tokens].
    case .bias: rows = shape.elementCount
    default: return nil
    }
    return rows == embeddingRows || (part.kind != .outside && rows >= idCount) ? rows : nil
  }

  /// A shape with another number of rows of tokens.
  static func shape(_ shape: TensorShape, rows: Int, become count: Int) -> TensorShape {
    var dimensions = shape.dimensions
    let place = dimensions[0] == rows ? 0 : dimensions.count - 1
    dimensions[place] = count
    return TensorShape(dimensions) ?? shape
  }

  private static func table(of model: SourceModel) throws -> TokenTable {
    guard let directory = model.checkpoint.directory,
      let table = try TokenTable.read(in: directory), table.count > 0
    else {
      throw PipelineError.mismatch(
        model: model.name, file: model.checkpoint.path, tensor: nil,
        "rows cannot be matched by token: there is no tokenizer.json, vocab.json, vocab.txt or tokenizer.model",
        remedy:
          "Save the model's tokenizer beside its weights (save_pretrained of a fast tokenizer), "
          + "or choose --vocabulary base or extend.")
    }
    return table
  }
}

extension SourceModel {
  /// The rows of the embedding, where its name is known.
  var embeddingRows: Int? {
    embeddingName.flatMap { catalog[$0]?.entry.shape.dimensions.first }
  }
}
