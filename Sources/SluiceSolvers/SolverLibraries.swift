internal import CLAPACK

/// The library that layers are solved with.
package enum SolverLibraries {
  /// Its name and version, as it is loaded.
  package static var versions: [(name: String, version: String)] {
    // SAFETY: a text that is part of the library; its first words are name and version.
    let words = unsafe String(cString: openblas_get_config()).split(separator: " ")
    return words.count > 1 ? [(String(words[0]), String(words[1]))] : []
  }
}
