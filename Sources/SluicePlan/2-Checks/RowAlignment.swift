internal import SluiceAdapters
internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceFormats
internal import SluiceMethods
internal import SluiceRecipe
internal import SluiceStages

/// Embeddings and heads whose rows are made anew for the tokens of the merged model: `tokenizer` and
/// `tokenizer_source` of a recipe in mergekit's grammar.
///
/// Each model's tensor gets a row for each token: its own if it has the token, else the one that the recipe says,
/// that of the only model which has it, that of the base, or the mean of those that have it. Then the method merges
/// rows like any others.
final class RowAlignment {
  /// A model that is merged.
  private struct Input {
    /// Its position among the models; nil of the base.
    let ordinal: Int?
    let model: SourceModel
    /// Where the tokenizers of what lies before and behind its layers are.
    let (before, behind): (String, String)
  }

  /// The tokens.
  let tokens: MergedTokens
  /// What was noticed.
  private(set) var warnings: [Warning] = []

  private let rules: TokenRules
  private let inputs: [Input]
  private let base: String
  private var tokenizers = Tokenizers()
  private var said: Set<String> = []

  /// Reads the tokenizers.
  ///
  /// - Parameters:
  ///   - rules: Whose tokens the merged model has.
  ///   - base: The base, or what stands in its place.
  ///   - models: The models.
  /// - Throws: If a tokenizer is missing that is needed, or is none.
  init(_ rules: TokenRules, base: SourceModel, models: [SourceModel]) throws {
    func place(_ path: String) -> String { (try? Directory.resolve(path)) ?? path }
    self.rules = rules
    guard let directory = base.checkpoint.directory else {
      throw PipelineError.badInput(
        "a single file has no tokenizer, and the recipe wants its tokens", model: "base",
        file: base.checkpoint.path, remedy: "Give the directory of the model.")
    }
    self.base = place(directory)
    inputs = rules.inputs.map { input in
      let ordinal: Int? = if case .model(let position) = input { position } else { nil }
      let model = ordinal.map { models[$0] } ?? base
      let own = place(model.checkpoint.directory ?? model.checkpoint.path)
      let runs = model.layers.filter { !$0.isGap }
      return Input(
        ordinal: ordinal, model: model,
        before: runs.first.map { place($0.path) } ?? own,
        behind: runs.last.map { place($0.path) } ?? own)
    }
    let vocabulary = rules.vocabulary.mapPaths(place)
    var all: [String] = []
    for input in inputs {
      for path in [input.before] + input.model.layers.filter({ !$0.isGap }).map({ place($0.path) })
        + [input.behind]
      where !all.contains(path) { all.append(path) }
    }
    tokens = try MergedTokens(vocabulary, base: self.base, others: all, &tokenizers)
    for path in all where path != self.base {
      guard try tokenizers.read(path) == nil else { continue }
      warnings.append(
        Warning(
          .vocabulary, subject: Subject(file: path.printable),
          message: "there is no tokenizer; the model is taken to have the base's"))
    }
    let added = tokens.change.added.count
    if added > 0 {
      warnings.append(
        Warning(
          .vocabulary, subject: Subject(model: "base"),
          message:
            "\(added) tokens are added to the tokenizer, which then has \(tokens.tokens.count)"))
    }
  }

  /// The rows of a tensor in all models.
  ///
  /// - Parameters:
  ///   - tensor: The base's tensor.
  ///   - name: The tensor's name.
  ///   - part: The part that it plays.
  ///   - base: The base.
  /// - Returns: Its rows; nil if they stand for no tokens.
  /// - Throws: If a model's rows are others, or a row is asked for that there is not.
  func rows(of tensor: CheckpointTensor, _ name: String, _ part: TensorPart, base: SourceModel)
    throws
    -> AlignedRows?
  {
    let shape = tensor.entry.shape
    let isBehind = BlockName.isBehindBlocks(name)
    let own = try tokenizers.required(self.base)
    guard
      let count = VocabularyMatch.tokenRows(
        shape, part, name, idCount: min(own.limit, own.table.tokens.count),
        embeddingRows: base.embeddingRows)
    else { return nil }
    let columnCount = shape.elementCount / count
    var present:
      [(input: Input, source: TensorSource, table: Tokenizers.Tokenizer, rows: [Int32])] =
        []
    for input in inputs {
      guard let found = input.model.tensor(name) ?? (input.model.isAdapterAlone ? tensor : nil)
      else { continue }
      let isAdapted = !input.model.terms(for: name, base: base).isEmpty
      let source = (input.model.isAdapterAlone ? base : input.model).source(found)
      let place = isBehind && found.name != input.model.embeddingName ? input.behind : input.before
      let table = try tokenizers.read(place) ?? own
      let ownShape = found.entry.shape
      guard found.entry.dtype.isMergeable, !isAdapted, input.model.store == nil,
        ownShape.rank == shape.rank, ownShape.elementCount > 0,
        ownShape.elementCount % columnCount == 0,
        columnCount == 1 || ownShape.dimensions.last == shape.dimensions.last
      else {
        throw PipelineError.mismatch(
          model: input.model.name, file: input.model.file(of: found), tensor: name,
          isAdapted
            ? "an adapter changes this tensor, whose rows are made anew for other tokens"
            : "it is \(found.entry.dtype) \(ownShape), and its rows cannot be those of the base's tokens (\(shape))",
          remedy: isAdapted
            ? "Fold the adapter first: sluice fold." : "Is this a fine-tune of that base?")
      }
      let rowCount = ownShape.elementCount / columnCount
      let limit = min(rowCount, table.limit)
      let rows = tokens.tokens.map { token -> Int32 in
        guard let token, let row = table.ids[token], Int(row) < limit else { return -1 }
        return row
      }
      present.append((input, source, table, rows))
    }
    var maker = RowMaker(
      rows: present.map(\.rows),
      base: present.firstIndex { input in
        (isBehind ? input.input.behind : input.input.before) == self.base
      }, prefersBase: rules.vocabulary.prefersBase)
    for token in rules.vocabulary.tokens {
      guard let row = tokens.tokens.firstIndex(of: TokenTable.hash(of: token.text)) else {
        continue
      }
      let said = try self.row(
        token, row, present.map { ($0.input, $0.table, $0.rows) }, isBehind, name)
      maker.set(row, said, isForced: token.isForced)
    }
    maker.run(tokens: tokens.tokens, rowCount: tokens.rowCount)
    note(maker, present.map(\.input.model.name))
    let working =
      rules.working ?? WorkingType.promoted(present.map(\.source.storedDType))
    let made =
      maker.made.isEmpty
      ? nil : MadeRows(maker.made, sources: present.map(\.source), working: working)
    var result = AlignedRows(
      shape: VocabularyMatch.shape(shape, rows: count, become: tokens.rowCount),
      modelCount: inputs.count { $0.ordinal != nil })
    for (position, entry) in present.enumerated() {
      let rows = maker.rows[position]
      let isSame =
        rows.count * columnCount
        == (entry.input.model.tensor(name) ?? tensor).entry.shape.elementCount
        && rows.indices.allSatisfy { Int(rows[$0]) == $0 }
      let source =
        isSame
        ? entry.source
        : TensorSource(
          MatchedRows(
            rows, columnCount: columnCount, own: entry.source, base: entry.source, made: made))
      if let ordinal = entry.input.ordinal {
        // An adapter alone changes nothing here.
        if !entry.input.model.isAdapterAlone { result.fineTuned[ordinal] = source }
      } else {
        result.base = source
      }
    }
    return result
  }

  /// The row that a recipe says.
  private func row(
    _ token: StepVocabulary.Token, _ row: Int,
    _ present: [(input: Input, table: Tokenizers.Tokenizer, rows: [Int32])], _ isBehind: Bool,
    _ tensor: String
  ) throws -> MadeRows.Row? {
    func position(_ path: String) throws -> Int {
      let place = (try? Directory.resolve(path)) ?? path
      let found =
        present.firstIndex { ($0.input.before, $0.input.behind) == (place, place) }
        ?? present.firstIndex { (isBehind ? $0.input.behind : $0.input.before) == place }
      if let found { return found }
      throw refusal(
        path, "its row is to be taken of a model that is not merged, or lacks this tensor")
    }
    func refusal(_ path: String, _ message: String) -> PipelineError {
      .badInput(
        "the token \"\(token.text.printable)\": \(message)", file: path, tensor: tensor,
        remedy: "Change source of the token in the recipe.")
    }
    switch token.row {
    case nil: return nil
    case .zero: return .zero
    case .model(let path):
      let source = try position(path)
      guard present[source].rows[row] >= 0 else {
        throw refusal(path, "its row is to be taken of a model that lacks it")
      }
      return .copy(MadeRows.Place(source: source, row: present[source].rows[row]))
    case .token(let text, let path):
      let source = try position(path)
      guard let id = present[source].table.ids[TokenTable.hash(of: text)],
        Int(id) < present[source].table.limit
      else {
        throw refusal(path, "the model has no token \"\(text.printable)\"")
      }
      return .copy(MadeRows.Place(source: source, row: id))
    case .number(let number, let path):
      let source = try position(path)
      guard number < present[source].table.limit else {
        throw refusal(path, "the model has no row \(number)")
      }
      return .copy(MadeRows.Place(source: source, row: Int32(number)))
    }
  }

  /// Says once of each model what becomes of its rows.
  private func note(_ maker: RowMaker, _ names: [String]) {
    for (name, rows) in zip(names, maker.rows) where said.insert(name).inserted {
      let own = rows.indices.filter { rows[$0] >= 0 }
      let moved = own.count { Int(rows[$0]) != $0 }
      guard moved > 0 || own.count < rows.count else { continue }
      warnings.append(
        Warning(
          .matchedRows, subject: Subject(model: name),
          message:
            "\(own.count) of the merged model's \(rows.count) rows are the model's of the same "
            + "token, \(moved) of them rows of another number; \(rows.count - own.count) are made"))
    }
    guard maker.unknownCount > 0, said.insert("\u{0}zero").inserted else { return }
    warnings.append(
      Warning(
        .vocabulary, subject: Subject(model: "base"),
        message: "\(maker.unknownCount) tokens are in no model; their rows are zeros"))
  }
}
