/// What is done with the deltas of a chunk once they are taken: the one thing in which the passes over
/// strips differ.
///
/// Calls come in the order strip, chunk, tiles, end of chunk, end of strip, all on one thread.
package protocol TileSink: AnyObject {
  /// In which order deltas are taken.
  var order: DeltaOrder { get }
  /// Whether elements are wanted that the base does not have; they pass no transform.
  var takesAddedRows: Bool { get }

  /// Prepares for a strip, and says what is wanted of it.
  func begin(_ strip: Strip) throws -> StripRequest

  /// Whether deltas of a tile are also wanted as they are before stages act on them, where the order is
  /// tile by tile.
  func measures(_ tile: Range<Int>, of chunk: Chunk) -> Bool

  /// Prepares for a chunk of the strip.
  func begin(_ chunk: Chunk) throws

  /// Takes the elements of one model before their deltas are made, where the order is model by model and
  /// no transform stands between.
  ///
  /// - Parameters:
  ///   - span: The elements, as positions in the chunk.
  ///   - model: The position of the model.
  ///   - chunk: The chunk.
  ///   - delta: What takes deltas.
  /// - Returns: False if the deltas are to be made after all.
  /// - Throws: `StageError` if a weight or delta is not finite.
  func takeFused(_ span: Range<Int>, of model: Int, _ chunk: Chunk, _ delta: DeltaStage) throws
    -> Bool

  /// Takes the deltas of one model, where the order is model by model.
  func take(_ tile: Range<Int>, of model: Int, _ chunk: Chunk, _ buffers: TileBuffers) throws

  /// Takes a tile, or, where the order is model by model, notes that all models had their turn.
  func take(_ span: Range<Int>, of chunk: Chunk, _ buffers: TileBuffers) throws

  /// Finishes a chunk.
  func end(_ chunk: Chunk) throws

  /// Finishes the strip.
  func end(_ strip: Strip) throws
}

/// In which order the deltas of a chunk are taken.
package enum DeltaOrder: Sendable, Hashable {
  /// The base's weights and then the deltas of all models, before the next tile.
  case tileByTile
  /// One model's deltas of a span of elements, then the next model's: for sinks whose tables are large.
  ///
  /// Spans are counted from the strip's first element. They are divided where models end, unless the
  /// sink sees to that itself.
  case modelByModel(spanElements: Int, dividesAtEnds: Bool)
}

/// What a sink wants of a strip.
package struct StripRequest: Sendable {
  /// The positions of the models whose deltas are taken.
  package var models: [Int]
  /// Whether the stages before the sink act on them.
  package var usesTransforms = true
  /// Whether the chunks are looked at tile by tile at all.
  package var usesTiles = true

  /// States what is wanted.
  package init(models: [Int], usesTransforms: Bool = true, usesTiles: Bool = true) {
    self.models = models
    self.usesTransforms = usesTransforms
    self.usesTiles = usesTiles
  }
}

extension TileSink {
  package var takesAddedRows: Bool { false }

  package func measures(_ tile: Range<Int>, of chunk: Chunk) -> Bool { false }

  package func begin(_ chunk: Chunk) throws {}

  package func takeFused(
    _ span: Range<Int>, of model: Int, _ chunk: Chunk, _ delta: DeltaStage
  ) throws -> Bool { false }

  package func take(
    _ tile: Range<Int>, of model: Int, _ chunk: Chunk, _ buffers: TileBuffers
  ) throws {}

  package func take(_ span: Range<Int>, of chunk: Chunk, _ buffers: TileBuffers) throws {}

  package func end(_ chunk: Chunk) throws {}
}
