internal import ArgumentParser
internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceFormats
internal import SluiceStore
internal import SluiceRecipe

struct InspectCommand: ParsableCommand, HasOutputOptions {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show the tensors of a checkpoint or store, and whether anything is wrong with it.")

  @Argument(
    help: "A checkpoint or store directory, or a .safetensors or PyTorch .bin file.",
    completion: .file())
  var path: String

  @Flag(help: "Show what each tensor is taken for, and why.")
  var roles = false

  @OptionGroup(title: "What is shown") var output: OutputOptions

  func run() throws {
    let path = try HubCache.resolve(path)
    if let store = try DeltaStore.open(path) {
      let list = try StoreContents(store)
      StandardOutput.write(output.isJSON ? list.json : list.text(isQuiet: output.isQuiet))
      return
    }
    let checkpoint = try Checkpoint.open(path)
    if roles {
      let list = RoleList(try ModelCatalog(checkpoint))
      StandardOutput.write(output.isJSON ? list.json(path) : list.text(isQuiet: output.isQuiet))
      return
    }
    let tensors = checkpoint.tensors.sorted { NaturalOrder.isOrderedBefore($0.name, $1.name) }
    StandardOutput.write(
      output.isJSON ? json(checkpoint, tensors) : text(checkpoint, tensors))
  }

  private func text(_ checkpoint: Checkpoint, _ tensors: [CheckpointTensor]) -> String {
    let architecture = Architecture(
      tensors.map { TensorDescription($0.name, $0.entry.shape, $0.entry.dtype) },
      config: try? checkpoint.config.map { try ModelConfig($0, file: "config.json") })
    var rows = [["tensor", "dtype", "shape", "size", "linear", "file"]]
    for tensor in output.isQuiet ? [] : tensors {
      let entry = tensor.entry
      rows.append([
        entry.name.printable, entry.dtype.rawValue, entry.shape.description,
        ByteCount(entry.byteCount).description,
        architecture.part(of: TensorDescription(entry.name, entry.shape, entry.dtype)).isLinear
          ? "yes" : "",
        fileName(checkpoint, tensor),
      ])
    }
    let table = output.isQuiet ? "" : Format.table(rows, leftAligned: [0, 1, 2, 4, 5]) + "\n"
    let elements = tensors.reduce(0) { $0 + $1.entry.shape.elementCount }
    let types = Dictionary(grouping: tensors, by: \.entry.dtype)
      .map { "\($0.key.rawValue) \($0.value.count)" }.sorted().joined(separator: ", ")
    let files = checkpoint.files.count
    return table
      + "\(tensors.count) tensors (\(types)), \(NumberFormat.grouped(elements)) elements, "
      + "\(ByteCount(byteCount(checkpoint))) in \(files) file\(files == 1 ? "" : "s")\n"
      + "header and index are sound\n"
  }

  private func json(_ checkpoint: Checkpoint, _ tensors: [CheckpointTensor]) -> String {
    JSONLine.text { json in
      json.member("path", .string(path))
      json.member("bytes", .integer(byteCount(checkpoint)))
      json.key("tensors")
      json.beginArray()
      for tensor in tensors {
        let entry = tensor.entry
        json.beginObject()
        json.member("name", .string(entry.name))
        json.member("dtype", .string(entry.dtype.rawValue))
        json.key("shape")
        json.beginArray()
        for extent in entry.shape.dimensions { json.value(.integer(extent)) }
        json.endArray()
        json.member("file", .string(fileName(checkpoint, tensor)))
        json.member("offset", .integer(entry.byteRange.lowerBound))
        json.member("bytes", .integer(entry.byteCount))
        json.endObject()
      }
      json.endArray()
    }
  }

  private func byteCount(_ checkpoint: Checkpoint) -> Int {
    checkpoint.files.reduce(0) { $0 + $1.input.byteCount }
  }

  private func fileName(_ checkpoint: Checkpoint, _ tensor: CheckpointTensor) -> String {
    let path = checkpoint.files[tensor.fileOrdinal].path
    return String(path.split(separator: "/").last ?? "")
  }
}
