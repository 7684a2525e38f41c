package import SluiceArchitecture
internal import SluiceCore
internal import SluiceFormats
internal import SluiceRecipe

/// The small files beside a checkpoint's weights that belong to the model: configs, tokenizer,
/// templates, and the folders of modules that `modules.json` names.
package struct ModelCompanions {
  /// A file to copy.
  package struct File: Hashable {
    /// Where it lies.
    package let source: String
    /// What it is called in the output, with its folder.
    package let name: String
    /// What becomes of it on the way; there is nothing at the source if it is new.
    package var change: TokenizerChange?
  }

  /// What is not copied, and why.
  package struct LeftOut: Hashable {
    package let name: String
    package let reason: String
  }

  package internal(set) var files: [File] = []
  package internal(set) var leftOut: [LeftOut] = []
  private(set) var warnings: [Warning] = []

  private let base: String
  /// The real path of the directory, in parts.
  private let directory: [Substring]

  private static let sizeLimit = 256 << 20
  private static let depthLimit = 4
  private static let countLimit = 4096
  private static let weights = [
    ".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".gguf", ".ggml", ".h5", ".msgpack", ".onnx",
    ".onnx_data", ".npz", ".tflite", ".index.json",
  ]
  /// What describes the base or its training, and not the merged model.
  private static let others: [String: String] = [
    RunFile.report: "it is about the base",
    MergeRecipe.resolvedFileName: "it is about the base",
    "README.md": "it is about the base",
    "adapter_config.json": "the adapter is not merged, and loaders would look for it",
    "trainer_state.json": "it is about a training", "training_args.json": "it is about a training",
    "all_results.json": "it is about a training", "train_results.json": "it is about a training",
    "eval_results.json": "it is about a training", "latest": "it is about a training",
    "zero_to_fp32.py": "it is about a training",
  ]
  /// Folders that are part of a model whatever `modules.json` says.
  private static let folders: Set = ["additional_chat_templates"]
  /// Files that loaders look for under these names: a link to one of the same name is followed
  /// wherever it leads.
  private static let known: Set = [
    "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json",
    "special_tokens_map.json", "added_tokens.json", "vocab.json", "vocab.txt", "merges.txt",
    "tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "chat_template.jinja",
    "chat_template.json", "preprocessor_config.json", "processor_config.json",
    "video_preprocessor_config.json", "modules.json", "config_sentence_transformers.json",
    "sentence_bert_config.json", "tekken.json",
  ]
  /// The files of a tokenizer, which change together.
  static let tokenizer: Set = [
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "vocab.txt", "merges.txt", "tokenizer.model", "spiece.model",
    "sentencepiece.bpe.model", "chat_template.jinja", "chat_template.json",
    "additional_chat_templates", "tekken.json",
  ]

  /// Looks at what lies beside a model's weights.
  ///
  /// - Parameters:
  ///   - base: The base's path; a single file has no companions.
  ///   - tokenizerSource: The directory of the model whose tokenizer is taken; the base's if nil.
  /// - Throws: If a directory cannot be listed.
  init(of base: String, tokenizerSource: String? = nil) throws {
    self.base = base
    guard try FileStatus.of(base)?.kind == .directory else {
      directory = []
      return
    }
    directory = try Directory.resolve(base).split(separator: "/")
    let folders = try ModelCompanions.folders(in: base)
    let modules = Set(folders.map(\.name))
    for entry in try Directory.list(base) where !entry.name.hasPrefix(".") {
      if tokenizerSource != nil, ModelCompanions.tokenizer.contains(entry.name) { continue }
      try add(entry, in: "", isModule: false, modules: modules)
    }
    if let tokenizerSource {
      let own = try ModelCompanions(of: tokenizerSource)
      files += own.files.filter { file in
        ModelCompanions.tokenizer.contains(String(file.name.prefix { $0 != "/" }))
      }
    }
    files.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    let needed = Set(folders.filter(\.holdsFiles).map(\.name))
    for module in needed where !files.contains(where: { $0.name.hasPrefix("\(module)/") }) {
      warnings.append(
        Warning(
          .leftOut, subject: Subject(model: "base", file: "\(base)/modules.json"),
          message: "it names the folder \(module.printable), which is not there; loaders will miss "
            + "it"))
    }
  }

  private mutating func add(
    _ entry: DirectoryEntry, in folder: String, isModule: Bool, modules: Set<String>
  ) throws {
    let name = folder + entry.name
    let path = "\(base)/\(name)"
    guard let status = entry.status else { return leave(name, "a link to nothing") }
    if status.kind == .directory {
      let isPart = isModule || modules.contains(name) || ModelCompanions.folders.contains(name)
      guard isPart, !entry.isLink, folder.split(separator: "/").count < Self.depthLimit else {
        return leave(name + "/", "a folder that modules.json does not name")
      }
      for inner in try Directory.list(path) where !inner.name.hasPrefix(".") {
        try add(inner, in: "\(name)/", isModule: true, modules: modules)
      }
      return
    }
    guard status.kind == .regularFile else { return leave(name, "no regular file") }
    if !isModule {
      if ModelCompanions.weights.contains(where: { name.hasSuffix($0) }) { return }
      if let reason = ModelCompanions.others[name] {
        leave(name, reason)
        if name == "adapter_config.json" { warnAboutAdapter(path) }
        return
      }
      if name.hasSuffix(".log") || name.hasPrefix("events.out.tfevents") {
        return leave(name, "it is about a training")
      }
    }
    guard status.byteCount <= Self.sizeLimit else { return leave(name, "it is large") }
    guard files.count < Self.countLimit else { return leave(name, "there are too many files") }
    guard try !leadsOut(entry, path) else {
      leave(name, "a link that leads out of the checkpoint")
      // The merged model's config is written anew.
      guard name != "config.json" else { return }
      warnings.append(
        Warning(
          .oddInput, subject: Subject(model: "base", file: path.printable),
          message: "a link that leads out of the checkpoint; it is not copied (copy it into the "
            + "directory if it belongs to the model)"))
      return
    }
    files.append(File(source: path, name: name))
  }

  private mutating func leave(_ name: String, _ reason: String) {
    leftOut.append(LeftOut(name: name, reason: reason))
  }

  private mutating func warnAboutAdapter(_ path: String) {
    warnings.append(
      Warning(
        .leftOut, subject: Subject(model: "base", file: path.printable),
        message:
          "the directory holds an adapter beside the whole model; the adapter is not merged, "
          + "and its config is not copied"))
  }

  /// The folders that `modules.json` of sentence-transformers names.
  private static func folders(in base: String) throws -> [CompanionFolders.Folder] {
    let path = "\(base)/modules.json"
    guard try FileStatus.of(path)?.kind == .regularFile,
      let text = try? InputFile.contents(of: path, byteLimit: 1 << 20),
      let folders = try? CompanionFolders.folders(in: text, file: path)
    else { return [] }
    return folders
  }

  /// Whether a link leads anywhere but into its directory, from `snapshots/REVISION` to the `blobs` of
  /// a cache of the hub, or to a file that loaders know by the same name.
  ///
  /// A stranger's directory could have a link to a private file, which would then be published with
  /// the merged model.
  private func leadsOut(_ entry: DirectoryEntry, _ path: String) throws -> Bool {
    let resolved = try Directory.resolve(path)
    let target = resolved.split(separator: "/")
    if target.starts(with: directory) { return false }
    if directory.count >= 2, directory[directory.count - 2] == "snapshots",
      target.starts(with: directory.dropLast(2) + ["blobs"])
    {
      return false
    }
    return
      !(entry.isLink && ModelCompanions.known.contains(entry.name)
      && Directory.name(of: resolved) == entry.name)
  }
}

/// The folders that a list of modules names: values of `path` that are plain names.
enum CompanionFolders {
  /// A folder of a module.
  struct Folder: Sendable, Hashable {
    var name: String
    /// Whether the module is read from files: those that only compute (`Normalize`) have none, and git
    /// keeps no empty folder.
    var holdsFiles = true
  }

  static func folders(in text: [UInt8], file: String) throws(FormatError) -> [Folder] {
    // SAFETY: the text outlives the scanner.
    let folders = unsafe text.withUnsafeBytes { bytes in
      Result { () throws(FormatError) in
        var scanner = unsafe JSONScanner(bytes, file: file, maximumDepth: 8)
        var folders: [Folder] = []
        try scanner.beginArray()
        while try scanner.nextElement() {
          if let folder = try folder(&scanner) { folders.append(folder) }
        }
        try scanner.end()
        return folders
      }
    }
    return try folders.get()
  }

  private static func folder(_ scanner: inout JSONScanner) throws(FormatError) -> Folder? {
    var folder = Folder(name: "")
    try scanner.beginObject()
    while let key = try scanner.nextKey() {
      let (isPath, isType) = (
        scanner.text(key, equals: "path"), scanner.text(key, equals: "type")
      )
      guard isPath || isType, try scanner.kind() == .string else {
        try scanner.skipValue()
        continue
      }
      let text = try scanner.string()
      if isPath { folder.name = text }
      if isType, text.hasSuffix(".Normalize") { folder.holdsFiles = false }
    }
    let isFolder = Directory.isPlainName(folder.name) && !folder.name.hasPrefix(".")
    return isFolder ? folder : nil
  }
}
