"""Sections: the words around the figures. Each function asks `queries/`, draws with `charts/`, returns blocks."""
