internal import SluiceCore
internal import SluiceFormats

/// Puts packed tensors of a checkpoint and their scales together into the weights that they stand
/// for.
struct PackedWeights {
  private let checkpoint: Checkpoint
  private let quantisation: Quantisation

  init(_ checkpoint: Checkpoint, _ quantisation: Quantisation) {
    self.checkpoint = checkpoint
    self.quantisation = quantisation
  }

  /// The tensors as a model without packing has them: codes under the name of their weights, scales
  /// left out.
  func tensors() throws(FormatError) -> [CheckpointTensor] {
    if case .refused(let method) = quantisation { throw refusal(method) }
    var tensors: [CheckpointTensor] = []
    for tensor in checkpoint.tensors {
      if let whole = try unpacked(tensor) {
        tensors.append(whole)
      } else if !isScale(tensor) {
        guard tensor.entry.dtype.isMergeable || !tensor.entry.dtype.isFloatingPoint else {
          throw problem(tensor, "weights of type \(tensor.entry.dtype) without scales")
        }
        tensors.append(tensor)
      }
    }
    return tensors
  }

  private func refusal(_ method: String) -> FormatError {
    FormatError.badInput(
      "the model is quantised (\(method)); sluice reads FP8, MXFP4, NVFP4 and packed "
        + "INT4 as fp8, mxfp4 and compressed-tensors have them",
      file: "\(checkpoint.path)/config.json", remedy: "Give the model's unquantised checkpoint.")
  }

  private func problem(_ tensor: CheckpointTensor, _ message: String) -> FormatError {
    FormatError.badInput(
      message, file: checkpoint.files[tensor.fileOrdinal].path, tensor: tensor.name,
      remedy: "The config says \(quantisation.text); give the model's unquantised checkpoint if "
        + "it is packed otherwise.")
  }

  private func isScale(_ tensor: CheckpointTensor) -> Bool {
    let last = tensor.name.split(separator: ".").last.map(String.init) ?? ""
    let scales: Set = [
      "weight_scale", "weight_scale_inv", "weight_global_scale", "weight_shape", "input_scale",
      "input_global_scale", "k_scale", "v_scale", "q_scale", "activation_scale",
    ]
    return scales.contains(last)
      || (quantisation == .mxfp4 && last.hasSuffix("_scales") && last.count > "_scales".count)
  }

  /// The weights that a tensor of codes stands for; nil for any other tensor.
  private func unpacked(_ tensor: CheckpointTensor) throws(FormatError) -> CheckpointTensor? {
    let (name, shape) = (tensor.name, tensor.entry.shape)
    switch quantisation {
    case .blockFP8(let rows, let columns):
      guard tensor.entry.dtype == .f8e4m3, name.hasSuffix(".weight") else { return nil }
      return try matrix(
        tensor, .e4m3, shape, scales: "\(name)_scale_inv", block: (rows, columns))
    case .scaledFP8(let rows, let columns):
      guard tensor.entry.dtype == .f8e4m3, name.hasSuffix(".weight") else { return nil }
      let scales = checkpoint["\(name)_scale"] == nil ? "\(name)_scale_inv" : "\(name)_scale"
      let block = rows.flatMap { rows in columns.map { (rows, $0) } }
      return try matrix(tensor, .e4m3, shape, scales: scales, block: block)
    case .packedInt4(let group):
      guard name.hasSuffix(".weight_packed"), tensor.entry.dtype == .i32 else { return nil }
      let stem = name.dropLast("_packed".count)
      guard checkpoint["\(stem.dropLast("weight".count))weight_g_idx"] == nil else {
        throw problem(tensor, "the groups of the weights are in another order (weight_g_idx)")
      }
      let whole = try writtenShape("\(stem)_shape", tensor)
      return try matrix(
        tensor, .int4, whole, named: String(stem), scales: "\(stem)_scale",
        block: group.map { (1, $0) })
    case .nvfp4:
      guard name.hasSuffix(".weight_packed"), tensor.entry.dtype == .u8, shape.rank == 2 else {
        return nil
      }
      let stem = name.dropLast("_packed".count)
      guard let whole = TensorShape([shape.dimensions[0], shape.dimensions[1] * 2]) else {
        return nil
      }
      let divisor = try scalar("\(stem)_global_scale", of: tensor)
      return try matrix(
        tensor, .e2m1, whole, named: String(stem), scales: "\(stem)_scale", block: (1, 16),
        divisor: divisor)
    case .mxfp4: return try stack(tensor)
    case .refused: return nil
    }
  }

  /// A matrix with scales in two dimensions, one for each row, or one for all.
  private func matrix(
    _ tensor: CheckpointTensor, _ code: PackedView.Code, _ shape: TensorShape,
    named name: String? = nil, scales scaleName: String, block: (rows: Int, columns: Int)?,
    divisor: Float = 1
  ) throws(FormatError) -> CheckpointTensor {
    guard let scale = checkpoint[scaleName], scale.entry.view == nil, tensor.entry.view == nil
    else { throw problem(tensor, "its scales (\(scaleName.printable)) are missing") }
    guard shape.rank == 2, shape.elementCount > 0,
      let scaleCode = PackedView.ScaleCode(scale.entry.dtype), scale.entry.dtype != .u8
    else {
      throw problem(
        tensor, "codes of shape \(shape) with scales of type \(scale.entry.dtype) are not known")
    }
    let (rows, columns) = (shape.dimensions[0], shape.dimensions[1])
    let extents = scale.entry.shape.dimensions
    let count = scale.entry.shape.elementCount
    var blocks = block
    if count == 1 { blocks = (rows, columns) }
    if blocks == nil, count == rows { blocks = (1, columns) }
    guard let blocks else {
      throw problem(tensor, "scales of shape \(scale.entry.shape) for weights of shape \(shape)")
    }
    let view = PackedView(
      code, rowCount: rows, columnCount: columns,
      codes: PackedView.Place(
        file: tensor.fileOrdinal, start: tensor.entry.byteRange.lowerBound),
      lineByteCount: code == .int4 ? (columns + 7) / 8 * 4 : nil,
      scales: PackedView.Place(file: scale.fileOrdinal, start: scale.entry.byteRange.lowerBound),
      scaleCode: scaleCode, blockRows: min(blocks.rows, rows),
      blockColumns: min(blocks.columns, columns), divisor: divisor)
    let grid = [view.scaleRows, view.scaleColumns]
    guard count == 1 || extents == grid || (grid[1] == 1 && count == grid[0]),
      view.codeByteCount == tensor.entry.byteRange.count
    else {
      throw problem(
        tensor,
        "\(tensor.entry.dtype) \(tensor.entry.shape) with scales of shape "
          + "\(scale.entry.shape) are no weights of shape \(shape)")
    }
    return logical(tensor, named: name ?? tensor.name, shape, view)
  }

  /// Experts of gpt-oss: codes lie as outputs x inputs, the module has inputs x outputs.
  private func stack(_ tensor: CheckpointTensor) throws(FormatError) -> CheckpointTensor? {
    let extents = tensor.entry.shape.dimensions
    guard tensor.name.hasSuffix("_blocks"), tensor.entry.dtype == .u8, extents.count == 4,
      extents[3] == 16, tensor.entry.view == nil
    else { return nil }
    let stem = tensor.name.dropLast("_blocks".count)
    guard let scale = checkpoint["\(stem)_scales"], scale.entry.dtype == .u8,
      scale.entry.shape.dimensions == Array(extents[..<3]), scale.entry.view == nil,
      let shape = TensorShape([extents[0], extents[2] * 32, extents[1]]), shape.elementCount > 0
    else { throw problem(tensor, "its scales (\(stem.description.printable)_scales) are missing") }
    let view = PackedView(
      .e2m1, matrixCount: extents[0], rowCount: extents[1], columnCount: extents[2] * 32,
      codes: PackedView.Place(
        file: tensor.fileOrdinal, start: tensor.entry.byteRange.lowerBound),
      scales: PackedView.Place(file: scale.fileOrdinal, start: scale.entry.byteRange.lowerBound),
      scaleCode: .e8m0, blockRows: 1, blockColumns: 32, isTransposed: true)
    return logical(tensor, named: String(stem), shape, view)
  }

  private func logical(
    _ tensor: CheckpointTensor, named name: String, _ shape: TensorShape, _ view: PackedView
  ) -> CheckpointTensor {
    CheckpointTensor(
      entry: TensorEntry(
        name: name, dtype: .f32, shape: shape, byteRange: tensor.entry.byteRange, packed: view),
      fileOrdinal: tensor.fileOrdinal)
  }

  /// The shape that packed integers have unpacked, from the tensor that says it.
  private func writtenShape(
    _ name: String, _ tensor: CheckpointTensor
  ) throws(FormatError) -> TensorShape {
    guard let entry = checkpoint[name], entry.entry.dtype == .i64,
      entry.entry.shape.elementCount == 2, entry.entry.view == nil
    else { throw problem(tensor, "its shape (\(name.printable)) is missing") }
    let bytes = try checkpoint.files[entry.fileOrdinal].input.bytes(in: entry.entry.byteRange)
    let extents = [0, 8].map { at in
      bytes[at..<at + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    }
    let limit = UInt64(1) << 31
    guard extents.allSatisfy({ $0 > 0 && $0 < limit }),
      let shape = TensorShape(extents.map { Int($0) })
    else { throw problem(tensor, "its shape (\(name.printable)) makes no sense") }
    return shape
  }

  private func scalar(_ name: String, of tensor: CheckpointTensor) throws(FormatError) -> Float {
    guard let entry = checkpoint[name], entry.entry.dtype == .f32, entry.entry.view == nil,
      entry.entry.shape.elementCount == 1
    else { throw problem(tensor, "the scale of the tensor (\(name.printable)) is missing") }
    let bytes = try checkpoint.files[entry.fileOrdinal].input.bytes(in: entry.entry.byteRange)
    let value = Float(bitPattern: bytes.reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
    guard value.isFinite, value > 0 else {
      throw problem(tensor, "the scale of the tensor (\(name.printable)) is \(value)")
    }
    return value
  }
}

extension Quantisation {
  /// What the packing is called in messages.
  package var text: String {
    switch self {
    case .blockFP8(let rows, let columns): "FP8 with scales of blocks of \(rows) x \(columns)"
    case .scaledFP8: "FP8 with scales"
    case .mxfp4: "MXFP4"
    case .packedInt4: "packed INT4"
    case .nvfp4: "NVFP4"
    case .refused(let method): method
    }
  }
}
