internal import SluiceFormats

/// A path with adapters behind it: `model+adapter`, as mergekit writes it, and `model+one+another`.
///
/// A path that exists as it stands is no such thing, whatever signs it has; nor is a name that begins with
/// one.
package struct AdaptedPath {
  private let path: String
  private let adapters: [String]

  /// Reads a path.
  ///
  /// - Parameters:
  ///   - text: The path, and behind each `+` that of an adapter.
  ///   - directory: What relative paths are relative to.
  package init(_ text: String, in directory: String = ".") {
    self.init(text) { RecipePath.resolve(model: $0, in: directory) }
  }

  /// Reads a path.
  ///
  /// - Parameters:
  ///   - text: The path, and behind each `+` that of an adapter.
  ///   - resolve: Makes a path of what is written.
  init(_ text: String, resolve: (String) -> String) {
    let whole = resolve(text)
    let parts = AdaptedPath.parts(of: text)
    let exists = ((try? FileStatus.of(whole)) ?? nil) != nil
    guard parts.count > 1, !exists, parts.allSatisfy({ !$0.isEmpty }) else {
      (path, adapters) = (whole, [])
      return
    }
    path = resolve(parts[0])
    adapters = parts.dropFirst().map(resolve)
  }

  /// The paths between the signs.
  ///
  /// One that begins a name is part of it: so a path is the same once more when a directory is put before it.
  private static func parts(of text: String) -> [String] {
    var parts = [""]
    var last: Character = "/"
    for letter in text {
      if letter == "+", last != "/" {
        parts.append("")
      } else {
        parts[parts.count - 1].append(letter)
      }
      last = letter
    }
    return parts
  }

  /// What a model of this path is called if nobody says it.
  var name: String { Directory.name(of: adapters.last ?? path) }

  /// The model.
  package func model(named name: String) -> MergeRecipe.Model {
    var model = MergeRecipe.Model(name: name, path: path)
    model.adapters = adapters.map { MergeRecipe.Adapter(path: $0) }
    return model
  }
}
