internal import SluiceMethods
internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceFormats
internal import SluiceMethods
internal import SluiceRecipe

/// Models' vocabularies, compared token by token before any weight is read, and whose tokenizer the
/// merged model gets.
struct VocabularyCheck {
  private(set) var warnings: [Warning] = []
  /// The directory of the model whose tokenizer is taken; nil for the base's.
  private(set) var tokenizerSource: String?

  /// Compares the models' tokenizers with the base's.
  ///
  /// - Parameter sources: The models, with what becomes of further rows.
  /// - Throws: If two models add other tokens for the same rows.
  init(_ sources: TensorSources) throws {
    let (rules, base) = (sources.request.rules, sources.base)
    let embedding = base.embeddingName
    let rows = sources.drafts.first { $0.name == embedding }?.shape.dimensions.first
    let baseRows = embedding.flatMap { base.catalog[$0]?.entry.shape.dimensions.first }
    // Matched by token, rows are like with like, and the base's tokenizer fits them.
    guard rules.vocabulary != .match, let directory = base.checkpoint.directory else { return }
    let own = read(base, directory)
    let extends = rules.vocabulary == .extend && (rows ?? 0) > (baseRows ?? 0)
    var giver: (model: SourceModel, table: TokenTable, directory: String)?
    for model in sources.models where model.store == nil {
      guard let place = model.checkpoint.directory, place != directory else { continue }
      guard let own, try !VocabularyCheck.isSame(own.file, place) else { continue }
      guard let table = read(model, place) else { continue }
      let found = VocabularyComparison(table, with: own)
      if found.differing > 0 {
        warnings.append(
          Warning(
            .tokenizerDiffers, subject: Subject(model: model.name, file: table.file),
            message: "the tokenizer gives another token to \(found.differing) of the base's "
              + "\(own.count) ids (the first is \(found.firstDiffering ?? 0)): rows of unlike tokens "
              + "are merged with each other"))
      }
      guard found.added > 0 else { continue }
      guard extends else {
        warnings.append(
          Warning(
            .tokenizerDiffers, subject: Subject(model: model.name, file: table.file),
            message: "the tokenizer has \(found.added) tokens that the base's has not; the merged "
              + "model has the base's tokenizer"))
        continue
      }
      if let giver, VocabularyComparison(table, with: giver.table).differing > 0 {
        throw PipelineError.mismatch(
          model: model.name, file: table.file, tensor: nil,
          "the tokenizer adds other tokens than that of model \(giver.model.name) for the same rows",
          remedy: "--vocabulary base keeps the base's rows and tokenizer.")
      }
      if giver == nil || table.count > giver?.table.count ?? 0 { giver = (model, table, place) }
    }
    if let giver {
      tokenizerSource = giver.directory
      warnings.append(
        Warning(
          .tokenizerDiffers, subject: Subject(model: giver.model.name, file: giver.table.file),
          message: "rows were added for tokens that the base's tokenizer does not know; the merged "
            + "model gets the tokenizer, added tokens and chat template of model "
            + "\(giver.model.name)"))
    } else if extends, own != nil, (own?.tokens.count ?? 0) < (rows ?? 0), let baseRows,
      (own?.tokens.count ?? 0) <= baseRows
    {
      warnings.append(
        Warning(
          .tokenizerDiffers, subject: Subject(model: "base", file: own?.file),
          message: "rows were added that the tokenizer has no token for, and no model brings a "
            + "tokenizer that has"))
    }
  }

  /// A model's table; nil, with a warning, where its file is none.
  private mutating func read(_ model: SourceModel, _ directory: String) -> TokenTable? {
    do throws(FormatError) {
      return try TokenTable.read(in: directory)
    } catch {
      warnings.append(
        Warning(
          .tokenizerDiffers,
          subject: Subject(model: model.name, file: error.failure.subject.file ?? directory),
          message: "the tokenizer could not be compared with the base's: \(error.failure.message)"))
      return nil
    }
  }

  /// Whether a directory has the very same file.
  private static func isSame(_ file: String, _ directory: String) throws -> Bool {
    let other = "\(directory)/\(Directory.name(of: file))"
    guard let status = try FileStatus.of(other), status.kind == .regularFile,
      let own = try FileStatus.of(file), own.byteCount == status.byteCount,
      own.byteCount <= TokenTable.maximumByteCount
    else { return false }
    return try InputFile.contents(of: file, byteLimit: TokenTable.maximumByteCount)
      == InputFile.contents(of: other, byteLimit: TokenTable.maximumByteCount)
  }
}
