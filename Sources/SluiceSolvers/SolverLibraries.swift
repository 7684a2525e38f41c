internal import CLAPACK

/// The library that layers are solved with.
package enum SolverLibraries {
  /// Its name and version, as it is loaded.
  package static var versions: [(name: String, version: String)] {
    // SAFETY: a text that is part of the library; its first words are name and version.
    let words = unsafe String(cString: openblas_get_config()).split(separator: " ")
    return words.count > 1 ? [(String(words[0]), String(words[1]))] : []
  }

  /// What the last bits of solutions depend on: library, version, and the processor whose kernels it chose.
  package static var identity: String {
    // SAFETY: a text that is part of the library.
    let processor = unsafe String(cString: openblas_get_corename())
    return (versions.map { "\($0.name) \($0.version)" } + [processor]).joined(separator: " ")
  }
}
