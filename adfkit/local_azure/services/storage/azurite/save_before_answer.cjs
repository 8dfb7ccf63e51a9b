"use strict";
// Azurite keeps its metadata in memory and saves it every five seconds, so that a killed process loses blobs that it
// has acknowledged. Loaded before Azurite, this saves every changed database before the answer to a write is sent.

const http = require("http");
const Loki = require("lokijs");

const databases = new Set();
const configureOptions = Loki.prototype.configureOptions;
Loki.prototype.configureOptions = function (...options) {
  databases.add(this);
  return configureOptions.apply(this, options);
};

function save(database) {
  if (!database.autosaveDirty() && !database.throttledSavePending) {
    return Promise.resolve();
  }
  return new Promise((resolve, reject) => {
    database.saveDatabase((error) => (error ? reject(error) : resolve()));
  });
}

function endWhenSaved(response) {
  const end = response.end;
  response.end = function (...content) {
    Promise.all([...databases].map(save)).then(
      () => end.apply(response, content),
      (error) => {
        console.error(`saving failed: ${error.message}`);
        response.destroy(error);
      },
    );
    return response;
  };
}

const emit = http.Server.prototype.emit;
http.Server.prototype.emit = function (event, request, response) {
  if (event === "request" && request.method !== "GET" && request.method !== "HEAD") {
    endWhenSaved(response);
  }
  return emit.apply(this, arguments);
};
